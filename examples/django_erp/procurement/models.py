"""Purchase orders."""

from __future__ import annotations

from typing import Any

from core.models import TenantRow
from core.numbers import next_number
from crm.models import Organization
from django.core.validators import MinValueValidator
from django.db import models, transaction
from hr.models import Employee
from inventory.models import SKU, Warehouse


class OrderStatus(models.TextChoices):
    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    SENT = "sent"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class PurchaseOrder(TenantRow):
    """What is bought from one vendor for one warehouse."""

    po_number = models.CharField(max_length=30, editable=False)
    vendor = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="orders")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="orders")
    requested_by = models.ForeignKey(Employee, on_delete=models.PROTECT, related_name="orders", editable=False)
    approved_by = models.ForeignKey(Employee, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(
        max_length=16, choices=OrderStatus.choices, default=OrderStatus.DRAFT, editable=False, db_index=True
    )
    total_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0, editable=False)
    notes = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "po_number"], name="po_number_per_tenant")]

    def __str__(self) -> str:
        return self.po_number

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if not self.po_number:
                self.po_number = next_number(type(self), "po_number", "PO", self.requested_by.tenant)
            super().save(*args, **options)


class POItem(TenantRow):
    """A line of a purchase order."""

    purchase_order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="items")
    sku = models.ForeignKey(SKU, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    unit_price = models.DecimalField(max_digits=14, decimal_places=2, validators=[MinValueValidator(0)])

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku_id}"
