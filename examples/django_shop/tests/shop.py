"""What the tests of the shop start from: a tiny catalogue, a client, an empty cache."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from catalogue import keys
from catalogue.models import Category, Product, ProductColor, ProductVariant
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import TransactionTestCase
from rest_framework.test import APIClient


class ShopTestCase(TransactionTestCase):
    """
    Two products in one category. Transactions are real, so that commits and rollbacks are what they are in a shop.

    The cache is the configured one, under the configured prefix; it is emptied before each test.
    """

    def setUp(self) -> None:
        cast(Any, cache).delete_pattern("*")
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

    def body(self, path: str, status: int = 200) -> Any:
        """The parsed answer of a GET, which must have this status."""
        answer = self.client.get(path)
        self.assertEqual(answer.status_code, status, answer.content)
        return answer.json()

    def outcome(self, path: str) -> str:
        """``hit`` or ``miss``."""
        return str(self.client.get(path).headers.get("X-Cache", ""))

    def is_kept(self, place: keys.Place) -> bool:
        return place.key in cache

    def kept_keys(self) -> set[str]:
        return set(cast(Any, cache).keys("*"))
