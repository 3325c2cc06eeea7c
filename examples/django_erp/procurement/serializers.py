"""Purchase orders as JSON."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from hr.serializers import EmployeeSummarySerializer
from rest_framework import serializers

from procurement.models import POItem, PurchaseOrder


class POItemSerializer(serializers.ModelSerializer):
    """A line of an order."""

    sku_code = serializers.CharField(source="sku.sku_code", read_only=True)

    class Meta:
        model = POItem
        fields = ["id", "sku", "sku_code", "quantity", "unit_price"]


class PurchaseOrderListSerializer(serializers.ModelSerializer):
    """An order in a listing."""

    requested_by_name = serializers.StringRelatedField(source="requested_by")
    warehouse_name = serializers.CharField(source="warehouse.name", read_only=True)

    class Meta:
        model = PurchaseOrder
        fields = ["id", "po_number", "warehouse_name", "requested_by_name", "status", "total_amount"]


class PurchaseOrderSerializer(serializers.ModelSerializer):
    """
    All of an order, with its lines, which are written along with it.

    The vendor is shown by its id alone: who may know its name is up to the CRM.
    """

    requested_by = EmployeeSummarySerializer(read_only=True)
    approved_by = EmployeeSummarySerializer(read_only=True)
    warehouse_name = serializers.CharField(source="warehouse.name", read_only=True)
    items = POItemSerializer(many=True, allow_empty=False)

    class Meta:
        model = PurchaseOrder
        fields = [
            "id", "po_number", "vendor", "warehouse", "warehouse_name", "requested_by", "approved_by", "status",
            "total_amount", "notes", "items",
        ]  # fmt: skip

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> PurchaseOrder:
        items = validated_data.pop("items")
        order: PurchaseOrder = super().create(validated_data)
        return self._with_items(order, items)

    @transaction.atomic
    def update(self, instance: PurchaseOrder, validated_data: dict[str, Any]) -> PurchaseOrder:
        items = validated_data.pop("items", None)
        order: PurchaseOrder = super().update(instance, validated_data)
        if items is None:
            return order
        order.items.all().delete()
        return self._with_items(order, items)

    def _with_items(self, order: PurchaseOrder, items: list[dict[str, Any]]) -> PurchaseOrder:
        for item in items:
            POItem.objects.create(purchase_order=order, **item)
        order.total_amount = sum(item["quantity"] * item["unit_price"] for item in items)
        order.save(update_fields=["total_amount", "updated_at"])
        return order
