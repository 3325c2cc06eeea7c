"""Carts live in the cache: under the user's key, or in the session."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from hitrate.layouts.django_ecommerce import redis_client
from tests.shop import ShopTestCase, cache


class CartTests(ShopTestCase):
    def signed_in(self, name: str) -> tuple[User, APIClient]:
        user, client = User.objects.create_user(name), APIClient()
        client.force_authenticate(user)
        return user, client

    def test_a_cart_without_a_login_belongs_to_one_session_and_is_no_kept_answer(self) -> None:
        put = self.client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 2})
        self.assertEqual(put.json()["total"], "39.80")
        self.assertEqual(self.body("/api/cart/")["total"], "39.80")
        self.assertEqual({key.split(".")[0] for key in cache.keys("*")}, {"django"})
        self.assertEqual(APIClient().get("/api/cart/").json()["total"], "0.00")
        self.client.delete("/api/cart/")
        self.assertEqual(self.body("/api/cart/")["lines"], [])

    def test_the_cart_of_a_user_is_on_all_devices_and_nobody_elses(self) -> None:
        user, client = self.signed_in("ada")
        _, stranger = self.signed_in("eve")
        client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 2})
        again = APIClient()
        again.force_authenticate(user)
        self.assertEqual(again.get("/api/cart/").json()["total"], "39.80")
        self.assertEqual(stranger.get("/api/cart/").json()["total"], "0.00")
        self.assertEqual(redis_client.get(f"cart:user:{user.pk}"), {str(self.variant.pk): 2})
        self.assertIn(redis_client.get_ttl(f"cart:user:{user.pk}"), range(1790, 1801))

    def test_emptying_a_cart_leaves_that_of_the_user_whose_number_begins_so(self) -> None:
        user, client = self.signed_in("ada")
        other = f"cart:user:{user.pk}1"
        redis_client.set(other, {"1": 1})
        client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 2})
        client.delete("/api/cart/")
        self.assertEqual(client.get("/api/cart/").json()["lines"], [])
        self.assertEqual(redis_client.get(other), {"1": 1})

    def test_prices_in_a_cart_are_todays(self) -> None:
        _, client = self.signed_in("ada")
        client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 2})
        self.variant.price = Decimal("10.00")
        self.variant.save()
        self.assertEqual(client.get("/api/cart/").json()["total"], "20.00")
