"""Cached answers are the same as uncached ones: exact, for everyone, on every host."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from decimal import Decimal

from catalogue.generator import generate, remove_catalogue
from catalogue.models import Product, ProductVariant
from django.test import override_settings

from tests.shop import ShopTestCase, outcome_of


@override_settings(ALLOWED_HOSTS=["*"])
class AnswerTests(ShopTestCase):
    def test_a_hit_is_the_answer_that_was_kept_and_asks_no_database(self) -> None:
        for path in self.paths().values():
            with self.subTest(path):
                first = self.client.get(path)
                self.assertEqual((first.status_code, outcome_of(first)), (200, "miss"))
                with self.assertNumQueries(0):
                    second = self.client.get(path)
                self.assertEqual((outcome_of(second), second.content), ("hit", first.content))
                for name in ("Content-Type", "ETag", "Allow"):
                    self.assertEqual(second.headers[name], first.headers[name])

    def test_without_the_cache_answers_are_the_same_and_nothing_is_kept(self) -> None:
        with override_settings(HITRATE_ENABLED=False):
            uncached = {path: self.client.get(path).content for path in self.paths().values()}
            self.assertEqual(self.kept_keys(), set())
        self.fill()
        self.assertEqual({path: self.client.get(path).content for path in self.paths().values()}, uncached)

    def test_a_client_that_has_the_answer_is_spared_it(self) -> None:
        tag = self.client.get("/api/products/").headers["ETag"]
        spared = self.client.get("/api/products/", headers={"if-none-match": tag})
        self.assertEqual((spared.status_code, spared.content), (304, b""))

    def test_prices_stay_exact(self) -> None:
        ProductVariant.objects.filter(pk=self.variant.pk).update(price=Decimal("99999999.90"))
        path = f"/api/products/{self.product.pk}/"
        for outcome in ("miss", "hit"):
            answer = self.client.get(path)
            self.assertEqual(outcome_of(answer), outcome)
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
        self.assertEqual((outcome_of(second), second.content), ("miss", first.content))
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

    def test_a_personal_choice_is_of_the_categories_that_are_named(self) -> None:
        path = f"/api/products/personalized/?categories={self.root.pk}"
        self.assertEqual([product["name"] for product in self.body(path)], ["one"])
        elsewhere = f"/api/products/personalized/?categories={self.root.pk + self.category.pk}"
        self.assertEqual((self.outcome(elsewhere), self.body(elsewhere)), ("miss", []))

    def test_filters_are_those_of_the_branch(self) -> None:
        found = self.body("/api/products/filters/?category__slug=phones")
        self.assertEqual(found["brands"], [{"name": "Aldra", "products": 2}])
        self.assertEqual([color["name"] for color in found["colors"]], ["Black"])

    def test_what_is_not_kept_is_answered_too(self) -> None:
        self.assertEqual(self.body(f"/api/product-colors/{self.color.pk}/")["name"], "Black")
        self.assertEqual(self.body(f"/api/product-variants/{self.variant.pk}/")["stock"], 3)
        self.assertEqual(self.body("/api/product-variants/987654/", 404), {"error": "Variant not found"})
        self.assertEqual(self.kept_keys(), set())

    def test_only_staff_changes_the_catalogue(self) -> None:
        path = f"/api/products/{self.product.pk}/"
        for method in ("post", "put", "patch", "delete"):
            for address in (path, "/api/products/", f"{path}rate/", f"/api/categories/{self.category.pk}/"):
                answer = getattr(self.client, method)(address, {"price": "1.00"})
                self.assertEqual(answer.status_code, 401, (method, address))
        self.assertEqual(self.body(path)["price"], "19.90")


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
