"""Addresses of the shop: the catalogue and the cart under ``/api/``."""

from __future__ import annotations

from catalogue import staff, views
from catalogue.cart import CartView
from django.conf import settings
from django.urls import include, path

from shop.routing import routes
from shop.status import cache_statistics, health

catalogue = [
    *routes("categories", "category", views.CategoryViewSet, staff.CategoryStaffViewSet),
    *routes("product-colors", "product-color", views.ProductColorViewSet, staff.ProductColorStaffViewSet),
    *routes("product-variants", "product-variant", views.ProductVariantViewSet, staff.ProductVariantStaffViewSet),
    *routes("products", "product", views.ProductViewSet, staff.ProductStaffViewSet),
]
urlpatterns = [
    path("api/cart/", CartView.as_view(), name="cart"),
    path("api/", include(catalogue)),
    path("health/", health, name="health"),
]
if settings.SHOP_DEBUG_HEADERS:
    urlpatterns.append(path("debug/cache/", cache_statistics, name="cache-statistics"))
