"""What the tests of the shop start from: a tiny catalogue, clients, an empty cache."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from catalogue.models import Category, Product, ProductColor, ProductVariant
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache as default_cache
from django.test import TransactionTestCase, override_settings
from rest_framework.test import APIClient

from hitrate.django import RedisCache

cache = cast(RedisCache, default_cache)
# Busy machines are slow at times, and no test here is about deadlines.
PATIENT = {"default": {**settings.CACHES["default"], "OPTIONS": {"TIMEOUT": 10}}}


@override_settings(CACHES=PATIENT)
class ShopTestCase(TransactionTestCase):
    """
    Two products in one category. Transactions are real, so that commits and rollbacks are what they are in a shop.

    The cache is the configured one, under the configured prefix; it is emptied before each test.
    """

    def setUp(self) -> None:
        cache.delete_pattern("*")
        self.root = Category.objects.create(name="Phones", slug="phones")
        self.category = Category.objects.create(name="Smartphones", slug="smartphones", parent=self.root)
        self.color = ProductColor.objects.create(name="Black", hex_code="#000000")
        self.product = self.make_product("one", "19.90")
        self.other = self.make_product("two", "25.00")
        self.variant = ProductVariant.objects.create(
            product=self.product, color=self.color, sku="one-black", price=Decimal("19.90"), stock=3
        )
        self.client = APIClient()
        self.staff = APIClient()
        self.staff.force_authenticate(User.objects.create_user("staff", is_staff=True))

    def make_product(self, name: str, price: str) -> Product:
        return Product.objects.create(
            name=name, slug=name, brand="Aldra", category=self.category, price=Decimal(price), rating=Decimal("4.50")
        )

    def paths(self) -> dict[str, str]:
        """An address of every kind, by the key that the layout has for its answer."""
        pk, other, category = self.product.pk, self.other.pk, self.category.pk
        return {
            "categories:all": "/api/categories/",
            f"category:{category}": f"/api/categories/{category}/",
            "product_colors:all": "/api/product-colors/",
            f"product:{pk}:variants:list": f"/api/product-variants/?product_id={pk}",
            f"product:{other}:variants:list": f"/api/product-variants/?product_id={other}",
            "products:list": "/api/products/",
            "products:list:2679a79d": "/api/products/?page=1",
            f"product:{pk}": f"/api/products/{pk}/",
            f"product:{other}": f"/api/products/{other}/",
            f"product:{pk}:variants": f"/api/products/{pk}/variants/",
            f"product:{other}:variants": f"/api/products/{other}/variants/",
            f"product:{pk}:recommendations": f"/api/products/{pk}/recommendations/",
            f"product:{other}:recommendations": f"/api/products/{other}/recommendations/",
            "products:top_sellers": "/api/products/top_sellers/",
            "products:new_arrivals": "/api/products/new_arrivals/",
            "products:personalized:ee1a6485": "/api/products/personalized/",
            "products:filters:60540464": "/api/products/filters/?category__slug=phones",
        }

    def body(self, path: str, status: int = 200) -> Any:
        """The parsed answer of a GET, which must have this status."""
        answer = self.client.get(path)
        self.assertEqual(answer.status_code, status, answer.content)
        return answer.json()

    def outcome(self, path: str) -> str:
        """``hit`` or ``miss``; empty for an answer that is never kept."""
        return outcome_of(self.client.get(path))

    def fill(self) -> None:
        """Ask for an answer of every kind, so that all of them are kept."""
        for path in self.paths().values():
            self.body(path)

    def hits(self) -> set[str]:
        """Ask again: the kinds that are still kept, by the keys of the layout."""
        return {key for key, path in self.paths().items() if self.outcome(path) == "hit"}

    def kept_keys(self) -> set[str]:
        """Keys of answers that are kept, without what the cache knows about tags."""
        return {key for key in cache.keys("*") if key.endswith(":h1")}


def outcome_of(answer: Any) -> str:
    said = answer.headers.get("Cache-Status", "")
    return "hit" if "hitrate; hit" in said else "miss" if "hitrate" in said else ""
