"""How stock changes."""

from __future__ import annotations

from django.db.models import Sum
from rest_framework.exceptions import ValidationError

from inventory.models import SKU, StockRecord, Warehouse


def change(sku: SKU, warehouse: Warehouse, quantity: int) -> SKU:
    """
    Add `quantity` (negative: take) to the stock of one warehouse. Must be called in a transaction.

    Returns:
        The article with its new sum.

    Raises:
        ValidationError: there is not that much.
    """
    # The article's row first, always: two changes of one article wait for each other and never for both.
    locked: SKU = SKU.objects.select_for_update().get(pk=sku.pk)
    record, _ = StockRecord.objects.get_or_create(sku=locked, warehouse=warehouse)
    if record.quantity + quantity < 0:
        raise ValidationError({"quantity": [f"{record.quantity} in {warehouse.name}, {-quantity} asked for"]})
    record.quantity += quantity
    record.save(update_fields=["quantity", "updated_at"])
    locked.current_stock = locked.stock.aggregate(total=Sum("quantity"))["total"]
    locked.save(update_fields=["current_stock", "updated_at"])
    return locked
