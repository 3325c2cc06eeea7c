"""Addresses below ``inventory/sku/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from inventory import views

router = SimpleRouter()
router.register("warehouses", views.WarehouseViewSet, basename="warehouse")
router.register("skus", views.SKUViewSet, basename="sku")
