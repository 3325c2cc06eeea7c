"""What a listing of purchase orders can be narrowed down by."""

from __future__ import annotations

import django_filters

from procurement.models import PurchaseOrder


class PurchaseOrderFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/procurement/po/orders/``."""

    vendor = django_filters.NumberFilter(field_name="vendor_id")
    warehouse = django_filters.NumberFilter(field_name="warehouse_id")

    class Meta:
        model = PurchaseOrder
        fields = ["vendor", "warehouse", "status"]
