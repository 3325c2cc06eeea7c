"""Cached answers are the same as uncached ones: exact, for everyone, on every host."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from unittest import skipUnless

from catalogue import keys
from catalogue.generator import generate, remove_catalogue
from catalogue.models import Product, ProductVariant
from django.core.cache import cache
from django.test import override_settings

from tests.shop import ShopTestCase


@override_settings(SHOP_DEBUG_HEADERS=True, ALLOWED_HOSTS=["*"])
class AnswerTests(ShopTestCase):
    def paths(self) -> dict[str, keys.Place]:
        pk, category = self.product.pk, self.category.pk
        return {
            "/api/categories/": keys.categories(),
            f"/api/categories/{category}/": keys.category(category),
            "/api/product-colors/": keys.colors(),
            f"/api/product-variants/?product_id={pk}": keys.variant_list(pk),
            "/api/products/": keys.listing({}),
            "/api/products/?limit=1": keys.listing({"limit": "1"}),
            f"/api/products/{pk}/": keys.product(pk),
            f"/api/products/{pk}/variants/": keys.product_variants(pk),
            f"/api/products/{pk}/recommendations/": keys.recommendations(pk),
            "/api/products/top_sellers/": keys.top_sellers(),
            "/api/products/new_arrivals/": keys.new_arrivals(),
            f"/api/products/personalized/?categories={category}": keys.personalized([category]),
            "/api/products/filters/?category__slug=phones": keys.filters("phones"),
        }

    def test_every_endpoint_keeps_its_answer_under_its_key(self) -> None:
        for path, place in self.paths().items():
            with self.subTest(path):
                first = self.client.get(path)
                self.assertEqual((first.status_code, first.headers["X-Cache"]), (200, "miss"))
                self.assertIn(place.key, self.kept_keys())
                with self.assertNumQueries(0):
                    second = self.client.get(path)
                self.assertEqual((second.headers["X-Cache"], second.content), ("hit", first.content))
                self.assertEqual(second.headers["Content-Type"], "application/json")

    def test_without_the_cache_answers_are_the_same_and_nothing_is_kept(self) -> None:
        with override_settings(SHOP_CACHE=False):
            uncached = {path: self.client.get(path).content for path in self.paths()}
            self.assertEqual(self.kept_keys(), set())
        self.assertEqual({path: self.client.get(path).content for path in self.paths()}, uncached)

    def test_prices_stay_exact(self) -> None:
        ProductVariant.objects.filter(pk=self.variant.pk).update(price=Decimal("99999999.90"))
        path = f"/api/products/{self.product.pk}/"
        for outcome in ("miss", "hit"):
            answer = self.client.get(path)
            self.assertEqual(answer.headers["X-Cache"], outcome)
            self.assertEqual(answer.json()["price"], "19.90")
            self.assertEqual(answer.json()["variants"][0]["price"], "99999999.90")
            self.assertEqual(answer.json()["highest_price"], "99999999.90")
        self.body("/api/products/filters/")
        self.assertEqual(self.body("/api/products/filters/")["price"], {"lowest": "19.90", "highest": "25.00"})

    def test_an_answer_holds_nothing_of_the_host_or_of_unknown_parameters(self) -> None:
        Product.objects.bulk_create(
            Product(name=f"p{n}", slug=f"p{n}", brand="B", category=self.category, price=1, image=f"p/{n}.jpg")
            for n in range(40)
        )
        first = self.client.get("/api/products/?page=2&evil=1", headers={"host": "evil.example"})
        second = self.client.get("/api/products/?page=2", headers={"host": "shop.example"})
        self.assertEqual((second.headers["X-Cache"], second.content), ("hit", first.content))
        self.assertNotIn(b"evil", first.content)
        self.assertEqual(first.json()["next"], "/api/products/?page=3")
        self.assertTrue(first.json()["results"][0]["image"].startswith("/media/"))

    def test_empty_answers_are_hits_too(self) -> None:
        path = f"/api/product-variants/?product_id={self.other.pk}"
        self.assertEqual(self.body(path), [])
        self.assertEqual(self.outcome(path), "hit")

    def test_categories_are_a_tree(self) -> None:
        (root,) = self.body("/api/categories/")
        self.assertEqual((root["slug"], root["children"][0]["slug"]), ("phones", "smartphones"))
        self.assertEqual(self.body("/api/products/?category__slug=phones")["count"], 2)
        self.assertEqual(self.body(f"/api/categories/{self.category.pk}/")["path"][0]["slug"], "phones")

    def test_listings_can_be_narrowed_down(self) -> None:
        def names(query: str) -> list[str]:
            return [product["name"] for product in self.body(f"/api/products/?{query}")["results"]]

        self.assertEqual(names("ordering=-price"), ["two", "one"])
        self.assertEqual(names("in_stock=true"), ["one"])
        self.assertEqual(names("in_stock=false"), ["two"])
        self.assertEqual(names("min_price=20"), ["two"])
        self.assertEqual(names("max_price=20"), ["one"])
        self.assertEqual(names(f"color={self.color.pk}"), ["one"])
        self.assertEqual(names("search=TW"), ["two"])
        self.assertEqual(names("brand=nobody"), [])
        self.assertEqual([p["name"] for p in self.body("/api/products/?limit=1&offset=1&ordering=price")], ["two"])

    def test_a_cart_belongs_to_one_session_and_is_not_kept_as_an_answer(self) -> None:
        put = self.client.post("/api/cart/", {"variant": self.variant.pk, "quantity": 2})
        self.assertEqual(put.json()["total"], "39.80")
        self.assertEqual(self.body("/api/cart/")["total"], "39.80")
        self.assertEqual({key.split(".")[0] for key in self.kept_keys()}, {"django"})
        self.assertEqual(self.staff.get("/api/cart/").json()["total"], "0.00")
        self.client.delete("/api/cart/")
        self.assertEqual(self.body("/api/cart/")["lines"], [])

    def test_only_staff_changes_the_catalogue(self) -> None:
        path = f"/api/products/{self.product.pk}/"
        self.assertEqual(self.client.patch(path, {"price": "1.00"}).status_code, 401)
        self.assertEqual(self.body(path)["price"], "19.90")

    @skipUnless(hasattr(cache, "ttl"), "this backend cannot tell how long an entry lives")
    def test_entries_live_as_long_as_the_layout_says(self) -> None:
        for path, place in self.paths().items():
            self.body(path)
            self.assertIn(cast(Any, cache).ttl(place.key), range(place.ttl - 30, place.ttl + 1), path)


class GeneratorTests(ShopTestCase):
    def test_a_seed_makes_the_same_catalogue_and_forgets_cached_answers(self) -> None:
        fields = ("name", "slug", "price", "rating", "sold", "created_at", "variants__price", "variants__stock")
        made = []
        for _ in range(2):
            self.body("/api/products/")
            remove_catalogue()
            self.assertEqual(self.body("/api/products/")["count"], 0)
            steps: list[int] = []
            counts = generate(60, 7, advance=steps.append)
            self.assertEqual((counts.products, sum(steps)), (60, 60))
            self.assertEqual(ProductVariant.objects.count(), counts.variants)
            self.assertEqual(self.body("/api/products/")["count"], 60)
            made.append(list(Product.objects.order_by("slug", "variants__id").values_list(*fields)))
        self.assertEqual(made[0], made[1])
