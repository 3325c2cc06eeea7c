"""Addresses of the shop: the catalogue and the cart under ``/api/``."""

from __future__ import annotations

from catalogue import views
from catalogue.cart import CartView
from django.conf import settings
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from shop.status import cache_statistics, health

router = SimpleRouter()
router.register("categories", views.CategoryViewSet, basename="category")
router.register("product-colors", views.ProductColorViewSet, basename="product-color")
router.register("product-variants", views.ProductVariantViewSet, basename="product-variant")
router.register("products", views.ProductViewSet, basename="product")

urlpatterns = [
    path("api/cart/", CartView.as_view(), name="cart"),
    path("api/", include(router.urls)),
    path("health/", health, name="health"),
]
if settings.SHOP_DEBUG_HEADERS:
    urlpatterns.append(path("debug/cache/", cache_statistics, name="cache-statistics"))
