"""The commands of the original: their flags, their words, and what they do."""

# ruff: noqa: PT009, PT027  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from io import StringIO
from typing import Any

from catalogue import warming
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.shop import ShopTestCase, outcome_of

# Answers that `fill()` keeps, by the pattern that finds them.
FOUND = {"products:*": 6, "product:*": 8, "categories:*": 1, "category:*": 1, "product_colors:*": 1}


def said(*command: str, **options: Any) -> list[str]:
    out = StringIO()
    call_command(*command, stdout=out, no_color=True, **options)
    return out.getvalue().splitlines()


class ClearTests(ShopTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 1})
        self.fill()

    def clears(self, flags: list[str], patterns: list[str]) -> None:
        lines = [f"Cleared {FOUND[pattern]} keys matching '{pattern}'" for pattern in patterns]
        total = sum(FOUND[pattern] for pattern in patterns)
        self.assertEqual(
            said("clear_product_cache", *flags), [*lines, f"Successfully cleared {total} cache keys"], flags
        )
        left = {key for key in self.paths() if f"{key.partition(':')[0]}:*" not in patterns}
        self.assertEqual(self.hits(), left)
        self.assertEqual(len(self.body("/api/cart/")["lines"]), 1)

    def test_all(self) -> None:
        self.clears(["--all"], ["products:*", "product:*", "categories:*", "category:*", "product_colors:*"])

    def test_products(self) -> None:
        self.clears(["--products"], ["products:*", "product:*"])

    def test_categories(self) -> None:
        self.clears(["--categories"], ["categories:*", "category:*"])

    def test_colors(self) -> None:
        self.clears(["--colors"], ["product_colors:*"])

    def test_without_a_flag_it_is_products(self) -> None:
        self.clears([], ["products:*", "product:*"])

    def test_two_flags(self) -> None:
        self.clears(["--categories", "--colors"], ["categories:*", "category:*", "product_colors:*"])

    def test_zero_is_no_product(self) -> None:
        self.clears(["--product-id", "0"], ["products:*", "product:*"])

    def test_one_product(self) -> None:
        pk, other = self.product.pk, self.other.pk
        self.assertEqual(
            said("clear_product_cache", "--product-id", str(pk)),
            [
                f"Cleared cache for product {pk} and related caches",
                # Six lists, the product and its variants, two recommendations.
                "Successfully cleared 10 cache keys",
            ],
        )
        left = ["categories:all", f"category:{self.category.pk}", "product_colors:all"]
        left += [f"product:{other}", f"product:{other}:variants", f"product:{other}:variants:list"]
        self.assertEqual(self.hits(), set(left))


class WarmupTests(ShopTestCase):
    def warm_paths(self) -> list[str]:
        return [path for step in warming.steps() for path in step.paths]

    def test_what_is_warm_is_what_the_views_answer(self) -> None:
        uncached = {}
        with override_settings(HITRATE_ENABLED=False):
            for path in self.warm_paths():
                uncached[path] = self.body(path)
        self.assertEqual(said("warmup_cache", "--host", "testserver")[-1], "✓ Cache warmup completed successfully!")
        for path, expected in uncached.items():
            with self.subTest(path), self.assertNumQueries(0):
                answer = self.client.get(path)
                self.assertEqual((outcome_of(answer), answer.json()), ("hit", expected))

    def test_it_says_what_it_did(self) -> None:
        self.assertEqual(said("warmup_cache"), ["Starting cache warmup...", "✓ Cache warmup completed successfully!"])
        self.assertEqual(
            said("warmup_cache", "--verbose", "--host", "testserver"),
            [
                "Starting cache warmup...",
                "Caching categories...",
                "  ✓ Cached 2 categories",
                "  ✓ Cached 2 individual categories",
                "Caching product colors...",
                "  ✓ Cached 1 colors",
                "Caching top sellers...",
                "  ✓ Cached 2 top sellers",
                "Caching new arrivals...",
                "  ✓ Cached 2 new arrivals",
                "Caching popular products...",
                "  ✓ Cached 1 popular products and their variants",
                "Caching filter options...",
                "  ✓ Cached filters for 1 categories",
                "Caching product lists for categories...",
                "  ✓ Cached product lists for top categories",
                "✓ Cache warmup completed successfully!",
            ],
        )

    def test_it_warms_what_was_documented(self) -> None:
        pk, root = self.product.pk, self.root.slug
        self.assertEqual(
            self.warm_paths(),
            [
                "/api/categories/",
                f"/api/categories/{self.root.pk}/",
                f"/api/categories/{self.category.pk}/",
                "/api/product-colors/",
                "/api/products/top_sellers/",
                "/api/products/new_arrivals/",
                f"/api/products/{pk}/",
                f"/api/products/{pk}/variants/",
                f"/api/products/filters/?category__slug={root}",
                f"/api/products/?category__slug={root}",
            ],
        )

    def test_it_says_when_nothing_is_kept(self) -> None:
        with override_settings(HITRATE_ENABLED=False), self.assertRaisesRegex(CommandError, "10 answers are not in"):
            said("warmup_cache", "--host", "testserver")

    def test_hitrates_own_command_warms_too(self) -> None:
        said("hitrate", "warmup")
        for host in warming.hosts():
            answer = self.client.get("/api/products/top_sellers/", headers={"host": host})
            self.assertEqual(outcome_of(answer), "hit")
