"""Warehouses, articles and how many of them are where."""

from __future__ import annotations

from core.models import TenantRow
from django.db import models


class Warehouse(TenantRow):
    """A place where stock lies."""

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    address = models.TextField(blank=True)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="warehouse_code_per_tenant")]

    def __str__(self) -> str:
        return self.name


class SKU(TenantRow):
    """An article. `current_stock` is the sum over all warehouses."""

    sku_code = models.CharField(max_length=40)
    name = models.CharField(max_length=150)
    unit = models.CharField(max_length=20, default="pcs")
    unit_cost = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    minimum_stock = models.PositiveIntegerField(default=0)
    current_stock = models.PositiveIntegerField(default=0, editable=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["sku_code"]
        constraints = [models.UniqueConstraint(fields=["tenant", "sku_code"], name="sku_code_per_tenant")]

    def __str__(self) -> str:
        return self.name


class StockRecord(TenantRow):
    """How many of one article lie in one warehouse."""

    sku = models.ForeignKey(SKU, on_delete=models.CASCADE, related_name="stock")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.CASCADE, related_name="stock")
    quantity = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["warehouse_id"]
        constraints = [models.UniqueConstraint(fields=["sku", "warehouse"], name="stock_once_per_warehouse")]

    def __str__(self) -> str:
        return f"{self.quantity} in {self.warehouse_id}"
