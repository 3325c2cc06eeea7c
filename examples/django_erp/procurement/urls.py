"""Addresses below ``procurement/po/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from procurement import views

router = SimpleRouter()
router.register("orders", views.PurchaseOrderViewSet, basename="purchase-order")
