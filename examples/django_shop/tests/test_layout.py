"""Keys and lifetimes are those of the layout django_ecommerce, and no request can reach the answer of another."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from urllib.parse import quote

from django.test import SimpleTestCase

from hitrate.django import invalidate_keys
from hitrate.layouts import django_ecommerce
from hitrate.layouts.django_ecommerce import invalidate_product_cache, redis_client
from tests.shop import ShopTestCase, cache, outcome_of

MINUTE = 60
# The table of the original's document. `{pk}` is the product's.
LIFETIMES = {
    "categories:all": 30 * MINUTE,
    "category:": 30 * MINUTE,
    "product_colors:all": 60 * MINUTE,
    "product:{pk}:variants:list": 15 * MINUTE,
    "products:list": 10 * MINUTE,
    "products:list:2679a79d": 10 * MINUTE,
    "product:{pk}": 15 * MINUTE,
    "product:{pk}:variants": 15 * MINUTE,
    "product:{pk}:recommendations": 20 * MINUTE,
    "products:top_sellers": 30 * MINUTE,
    "products:new_arrivals": 15 * MINUTE,
    "products:personalized:ee1a6485": 20 * MINUTE,
    "products:filters:60540464": 30 * MINUTE,
}
# A list that parameters choose has all its keys below the name of the list.
HASHED = ("products:list", "products:personalized", "products:filters")


class LayoutTests(ShopTestCase):
    def row(self, key: str) -> tuple[str, str]:
        """A row of the table: the layout's key for this catalogue, and an address."""
        wanted = f"category:{self.category.pk}" if key == "category:" else key.format(pk=self.product.pk)
        return wanted, self.paths()[wanted]

    def place(self, key: str) -> str:
        """The key below which the answer stands."""
        if key.endswith(":variants:list"):
            return "product:variants:list"
        return next((name for name in HASHED if key.startswith(name)), key)

    def test_each_row_of_the_table_is_kept_below_its_key_for_its_time(self) -> None:
        for name, seconds in LIFETIMES.items():
            cache.delete_pattern("*")
            key, path = self.row(name)
            with self.subTest(key):
                self.assertEqual(outcome_of(self.client.get(path)), "miss")
                (kept,) = self.kept_keys()
                self.assertTrue(kept.startswith(f"{self.place(key)}:"), kept)
                # Up to a twentieth less, at random: what was filled at one time does not expire at one time.
                self.assertIn(cache.ttl(kept), range(int(seconds * 0.94), seconds + 1))
                with self.assertNumQueries(0):
                    self.assertEqual(outcome_of(self.client.get(path)), "hit")

    def test_each_row_is_cleared_by_the_patterns_of_the_original(self) -> None:
        patterns = {
            "categories": "categories:*",
            "category": "category:*",
            "product_colors": "product_colors:*",
            "products": "products:*",
            "product": "product:*",
        }
        for name in LIFETIMES:
            key, path = self.row(name)
            with self.subTest(key):
                self.body(path)
                self.assertEqual(redis_client.clear_pattern(patterns[key.partition(":")[0]]), 1)
                self.assertEqual(self.kept_keys(), set())

    def test_answers_are_forgotten_with_the_keys_of_the_layout(self) -> None:
        for key in (f"product:{self.product.pk}", "products:top_sellers", "categories:all"):
            self.body(self.paths()[key])
            self.assertEqual(invalidate_keys(key), 1, key)

    def test_the_invalidation_of_the_original_does_what_was_meant(self) -> None:
        self.fill()
        invalidate_product_cache(self.product.pk)
        self.assertEqual(
            {key for key in self.hits() if not key.endswith(":variants:list")},
            {
                "categories:all",
                f"category:{self.category.pk}",
                "product_colors:all",
                f"product:{self.other.pk}",
                f"product:{self.other.pk}:variants",
            },
        )

    def test_keys_have_prefix_and_version(self) -> None:
        self.body("/api/categories/")
        (kept,) = self.kept_keys()
        self.assertEqual(cache.make_key(kept), f"{cache.key_prefix}:1:{kept}")


class LifetimeTests(SimpleTestCase):
    def test_the_table_is_that_of_the_layout(self) -> None:
        entries = {entry.key: entry.ttl for entry in django_ecommerce.ENTRIES}
        digests = {"2679a79d", "ee1a6485", "60540464"}
        for key, seconds in LIFETIMES.items():
            head, _, tail = key.rpartition(":")
            entry = f"{head}:{{hash}}" if tail in digests else key.replace("{pk}", "{id}")
            self.assertEqual(entries["category:{id}" if key == "category:" else entry], seconds)


class ForgeryTests(ShopTestCase):
    def test_path_text_reaches_no_other_answer(self) -> None:
        self.body(f"/api/products/{self.product.pk}/variants/")
        before = self.kept_keys()
        for text in (":variants", "%3Avariants", "%0A", "%20", "x", "٣", "-1"):
            self.assertEqual(self.client.get(f"/api/products/{self.product.pk}{text}/").status_code, 404, text)
        for number in (f"000{self.product.pk}", "9999999999999999999999"):
            self.assertEqual(self.client.get(f"/api/products/{number}/").status_code, 404, number)
        self.assertEqual(self.kept_keys(), before)

    def test_unknown_parameters_take_no_part_in_the_key(self) -> None:
        plain = self.body("/api/products/")
        for query in ("prefix=x", "utm_source=y", "_=1", "format=json"):
            self.assertEqual(self.outcome(f"/api/products/?{query}"), "hit", query)
            self.assertEqual(self.body(f"/api/products/?{query}"), plain)
        self.assertEqual(self.outcome("/api/categories/?x=1"), "miss")
        self.assertEqual(self.outcome("/api/categories/?x=2"), "hit")

    def test_an_escaped_ampersand_is_another_question(self) -> None:
        # The keys of the original, which do not escape, are one.
        narrowed = self.body("/api/products/?search=o&storage=")
        forged = self.body(f"/api/products/?search={quote('o&storage=')}")
        self.assertEqual((narrowed["count"], forged["count"]), (2, 0))
        self.assertEqual(len(self.kept_keys()), 2)
        self.assertEqual(self.outcome("/api/products/?storage=&search=o"), "hit")

    def test_the_order_of_parameters_makes_no_difference(self) -> None:
        self.body("/api/products/?page=1&in_stock=true")
        self.assertEqual(self.outcome("/api/products/?in_stock=true&page=1"), "hit")

    def test_what_others_left_under_a_key_is_a_miss(self) -> None:
        path = f"/api/products/{self.product.pk}/"
        self.body(path)
        (kept,) = self.kept_keys()
        for left in ('{"id": 1}', {"id": 1}, 7, (), ["product:1", b"{}"]):
            cache.set(kept, left, 60)
            self.assertEqual(self.body(path)["name"], "one")
            self.assertEqual(self.outcome(path), "hit")

    def test_numbers_of_a_query_are_numbers(self) -> None:
        for path in (
            "/api/product-variants/?product_id=5:x",
            "/api/product-variants/?product_id=05",
            "/api/product-variants/?product_id=٣",
            "/api/product-variants/?product_id=",
            "/api/product-variants/",
            "/api/products/personalized/?categories=1,2",
            "/api/products/?limit=-1",
            "/api/products/?limit=x",
            "/api/products/?min_price=cheap",
            "/api/products/?search=%00",
            "/api/products/?category__slug=nothing",
        ):
            self.body(path, 400)
        self.assertEqual(self.kept_keys(), set())
        self.assertEqual([key for key in cache.keys("hitrate:tag:*") if "x" in key or "05" in key], [])

    def test_what_was_not_found_is_not_kept(self) -> None:
        self.assertEqual(self.body("/api/products/987654/", 404), {"error": "Product not found"})
        self.body("/api/products/?page=99", 404)
        self.body("/api/products/filters/?category__slug=nothing", 404)
        self.assertEqual(self.kept_keys(), set())
