"""A committed change shows in the next answer; a rolled back one changes nothing."""

# ruff: noqa: PT009, PT027  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal
from threading import Thread

from django.db import connection, transaction
from django.test import override_settings

from tests.shop import ShopTestCase


class InvalidationTests(ShopTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"/api/products/{self.product.pk}/"
        self.fill()

    def reprice(self, price: str) -> None:
        self.product.price = Decimal(price)
        self.product.save()

    def seen_by_another_request(self) -> str:
        """The price that another worker shows, on a connection of its own."""
        seen: list[str] = []

        def ask() -> None:
            seen.append(self.body(self.path)["price"])
            connection.close()

        thread = Thread(target=ask)
        thread.start()
        thread.join(20)
        return seen[0]

    def test_a_patch_shows_in_the_next_answer(self) -> None:
        answer = self.staff.patch(self.path, {"price": "21.50"})
        self.assertEqual((answer.status_code, answer.json()["price"]), (200, "21.50"))
        self.assertEqual(self.body(self.path)["price"], "21.50")
        self.assertEqual({p["price"] for p in self.body("/api/products/")["results"]}, {"21.50", "25.00"})
        shown = self.body(f"/api/products/{self.other.pk}/recommendations/")
        self.assertEqual([product["price"] for product in shown], ["21.50"])

    def test_nothing_is_forgotten_before_the_commit(self) -> None:
        with transaction.atomic():
            self.reprice("30.00")
            self.assertEqual(self.seen_by_another_request(), "19.90")
        self.assertEqual(self.body(self.path)["price"], "30.00")

    def test_a_transaction_sees_what_it_wrote_and_keeps_none_of_it(self) -> None:
        with transaction.atomic():
            self.reprice("30.00")
            self.assertEqual(self.body(self.path)["price"], "30.00")
            transaction.set_rollback(True)
        self.assertEqual(self.body(self.path)["price"], "19.90")

    def test_a_rollback_forgets_nothing(self) -> None:
        before = self.hits()
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.reprice("30.00")
            1 / 0  # noqa: B018
        self.assertEqual(self.hits(), before)
        self.assertEqual(self.body(self.path)["price"], "19.90")

    def test_a_rolled_back_savepoint_forgets_nothing_and_its_transaction_its_own(self) -> None:
        with transaction.atomic():
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                self.other.save()
                1 / 0  # noqa: B018
            self.reprice("31.00")
        self.assertEqual(self.body(self.path)["price"], "31.00")
        self.assertEqual(self.outcome(f"/api/products/{self.other.pk}/"), "hit")

    def test_a_change_after_a_rollback_shows(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.product.save()
            1 / 0  # noqa: B018
        self.reprice("32.00")
        self.assertEqual(self.body(self.path)["price"], "32.00")

    def test_stock_changes_show(self) -> None:
        stock = f"/api/product-variants/{self.variant.pk}"
        self.assertEqual(self.staff.post(f"{stock}/reduce_stock/", {"quantity": 3}).json()["stock"], 0)
        self.assertEqual(self.body(f"{self.path}variants/")[0]["stock"], 0)
        self.assertEqual(self.body(f"/api/product-variants/?product_id={self.product.pk}")[0]["stock"], 0)
        self.assertFalse(self.body("/api/products/?search=one")["results"][0]["in_stock"])
        self.assertEqual(self.staff.post(f"{stock}/increase_stock/", {"quantity": 2}).json()["stock"], 2)
        self.assertEqual(self.body(f"{self.path}variants/")[0]["stock"], 2)

    def test_stock_that_is_not_there_cannot_be_taken(self) -> None:
        stock = f"/api/product-variants/{self.variant.pk}/reduce_stock/"
        before = self.hits()
        answer = self.staff.post(stock, {"quantity": 4})
        self.assertEqual((answer.status_code, answer.json()), (400, {"error": "3 in stock, 4 asked for"}))
        for quantity in (0, -1, "many", None):
            answer = self.staff.post(stock, {"quantity": quantity})
            self.assertEqual((answer.status_code, list(answer.json())), (400, ["error"]))
        self.assertEqual(self.staff.post("/api/product-variants/99999/reduce_stock/", {"quantity": 1}).status_code, 404)
        self.assertEqual(self.hits(), before)

    def test_ratings_are_counted_together(self) -> None:
        for stars in (5, 2, 2):
            self.staff.post(f"{self.path}rate/", {"stars": stars})
        found = self.body(self.path)
        self.assertEqual((found["rating"], found["rating_count"]), ("3.00", 3))
        self.assertEqual(self.body("/api/products/?search=one")["results"][0]["rating"], "3.00")
        self.assertEqual(self.staff.post(f"{self.path}rate/", {"stars": 6}).status_code, 400)

    def test_many_changes_in_one_transaction_show(self) -> None:
        with transaction.atomic():
            for price in range(20):
                self.reprice(f"{price}.00")
            self.variant.save()
            self.category.save()
        self.assertEqual(self.hits(), {"product_colors:all"} | self.of_the_other("variants", "variants:list"))
        self.assertEqual(self.body(self.path)["price"], "19.00")

    def of_the_other(self, *tails: str) -> set[str]:
        return {f"product:{self.other.pk}:{tail}" for tail in tails}

    def test_the_switch_stops_filling_and_not_forgetting(self) -> None:
        with override_settings(HITRATE_ENABLED=False):
            self.reprice("33.00")
            self.assertEqual(self.body(self.path)["price"], "33.00")
        self.assertEqual(self.body(self.path)["price"], "33.00")
