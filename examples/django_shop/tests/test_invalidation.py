"""A committed change shows in the next answer; a rolled back one changes nothing."""

# ruff: noqa: PT009, PT027  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal
from threading import Thread

from catalogue import caching, keys
from catalogue.models import ProductVariant
from django.db import connection, transaction
from django.test import override_settings

from tests.shop import ShopTestCase


class InvalidationTests(ShopTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"/api/products/{self.product.pk}/"

    def fill(self) -> set[str]:
        """Ask for everything that shows the product; returns the keys that are kept then."""
        for pk in (self.product.pk, self.other.pk):
            for tail in ("", "variants/", "recommendations/"):
                self.body(f"/api/products/{pk}/{tail}")
            self.body(f"/api/product-variants/?product_id={pk}")
        for name in ("", "?page=1", "?limit=5", "top_sellers/", "new_arrivals/", "personalized/", "filters/"):
            self.body(f"/api/products/{name}")
        for name in ("categories/", f"categories/{self.category.pk}/", "product-colors/"):
            self.body(f"/api/{name}")
        return self.kept_keys()

    def left_of_the_other(self) -> set[str]:
        """The keys of the other product that a change of the first must not touch."""
        pk = self.other.pk
        return {keys.product(pk).key, keys.product_variants(pk).key, keys.variant_list(pk).key}

    def frame(self) -> set[str]:
        return {keys.categories().key, keys.category(self.category.pk).key, keys.colors().key}

    def test_a_saved_product_forgets_what_shows_it_and_nothing_else(self) -> None:
        self.assertEqual(len(self.fill()), 18)
        self.product.save()
        self.assertEqual(self.kept_keys(), self.left_of_the_other() | self.frame())

    def test_a_patch_shows_in_the_next_answer(self) -> None:
        self.fill()
        answer = self.staff.patch(self.path, {"price": "21.50"})
        self.assertEqual((answer.status_code, answer.json()["price"]), (200, "21.50"))
        self.assertEqual(self.body(self.path)["price"], "21.50")
        self.assertEqual({p["price"] for p in self.body("/api/products/")["results"]}, {"21.50", "25.00"})
        shown = self.body(f"/api/products/{self.other.pk}/recommendations/")
        self.assertEqual([product["price"] for product in shown], ["21.50"])

    def test_nothing_is_forgotten_before_the_commit(self) -> None:
        before = self.fill()
        with transaction.atomic():
            self.product.price = Decimal("30.00")
            self.product.save()
            self.assertEqual(self.kept_keys(), before)
            self.assertEqual(self.price_seen_by_another_request(), "19.90")
        self.assertEqual(self.body(self.path)["price"], "30.00")

    def price_seen_by_another_request(self) -> str:
        """As another worker would, on a connection of its own: from the cache, so from before the change."""
        seen: list[str] = []

        def ask() -> None:
            seen.append(self.body(self.path)["price"])
            connection.close()

        thread = Thread(target=ask)
        thread.start()
        thread.join(20)
        return seen[0]

    def test_a_rollback_forgets_nothing(self) -> None:
        before = self.fill()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.product.price = Decimal("30.00")
            self.product.save()
            1 / 0  # noqa: B018
        self.assertEqual(self.kept_keys(), before)
        self.assertEqual(self.body(self.path)["price"], "19.90")

    def test_a_rolled_back_savepoint_forgets_nothing_and_its_transaction_its_own(self) -> None:
        self.fill()
        with transaction.atomic():
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                self.other.save()
                1 / 0  # noqa: B018
            self.product.price = Decimal("31.00")
            self.product.save()
        self.assertEqual(self.body(self.path)["price"], "31.00")

    def test_a_change_after_a_rollback_shows(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.product.save()
            1 / 0  # noqa: B018
        self.fill()
        self.product.price = Decimal("32.00")
        self.product.save()
        self.assertEqual(self.body(self.path)["price"], "32.00")

    def test_stock_changes_show(self) -> None:
        stock = f"/api/product-variants/{self.variant.pk}"
        self.fill()
        self.assertEqual(self.staff.post(f"{stock}/reduce_stock/", {"quantity": 3}).json()["stock"], 0)
        self.assertEqual(self.body(f"{self.path}variants/")[0]["stock"], 0)
        self.assertEqual(self.body(f"/api/product-variants/?product_id={self.product.pk}")[0]["stock"], 0)
        self.assertFalse(self.body("/api/products/?search=one")["results"][0]["in_stock"])
        self.assertEqual(self.staff.post(f"{stock}/increase_stock/", {"quantity": 2}).json()["stock"], 2)
        self.assertEqual(self.body(f"{self.path}variants/")[0]["stock"], 2)

    def test_stock_that_is_not_there_cannot_be_taken(self) -> None:
        stock = f"/api/product-variants/{self.variant.pk}/reduce_stock/"
        before = self.fill()
        answer = self.staff.post(stock, {"quantity": 4})
        self.assertEqual((answer.status_code, answer.json()), (400, {"error": "3 in stock, 4 asked for"}))
        self.assertEqual(self.staff.post("/api/product-variants/99999/reduce_stock/", {"quantity": 1}).status_code, 404)
        self.assertEqual(self.kept_keys(), before)

    def test_a_variant_moved_to_another_product_changes_both(self) -> None:
        self.fill()
        variant = ProductVariant.objects.get(pk=self.variant.pk)
        variant.product = self.other
        variant.save()
        self.assertEqual(self.body(f"{self.path}variants/"), [])
        self.assertEqual(len(self.body(f"/api/products/{self.other.pk}/variants/")), 1)

    def test_a_renamed_category_shows_in_the_tree_and_in_products(self) -> None:
        self.fill()
        self.category.name = "Mobiles"
        self.category.save()
        self.assertEqual(self.body("/api/categories/")[0]["children"][0]["name"], "Mobiles")
        self.assertEqual(self.body(f"/api/categories/{self.category.pk}/")["name"], "Mobiles")
        self.assertEqual(self.body(self.path)["category"]["name"], "Mobiles")

    def test_a_renamed_colour_shows_in_colours_and_in_variants(self) -> None:
        self.fill()
        self.color.name = "Jet"
        self.color.save()
        self.assertEqual(self.body("/api/product-colors/")[0]["name"], "Jet")
        self.assertEqual(self.body(f"{self.path}variants/")[0]["color"]["name"], "Jet")

    def test_new_and_deleted_products_show(self) -> None:
        self.fill()
        data = {"name": "three", "slug": "three", "brand": "B", "category_id": self.category.pk, "price": "5.00"}
        self.assertEqual(self.staff.post("/api/products/", data).status_code, 201)
        self.assertEqual(self.body("/api/products/")["count"], 3)
        self.assertEqual(self.staff.delete(self.path).status_code, 204)
        self.assertEqual(self.body("/api/products/")["count"], 2)
        self.body(self.path, 404)

    def test_a_transaction_with_many_changes_forgets_what_each_would(self) -> None:
        self.fill()
        with transaction.atomic():
            for _ in range(20):
                self.product.save()
            self.variant.save()
            self.category.save()
        self.assertEqual(self.kept_keys(), {keys.colors().key})

    def test_sessions_stay_when_the_whole_catalogue_is_forgotten(self) -> None:
        self.client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 1})
        self.fill()
        caching.forget_catalogue()
        self.assertEqual(len(self.kept_keys()), 1)
        self.assertEqual(len(self.body("/api/cart/")["lines"]), 1)

    def test_the_switch_stops_filling_and_not_forgetting(self) -> None:
        self.fill()
        with override_settings(SHOP_CACHE=False):
            self.product.price = Decimal("33.00")
            self.product.save()
            self.assertEqual(self.body(self.path)["price"], "33.00")
        self.assertEqual(self.body(self.path)["price"], "33.00")
