"""Keys and lifetimes are those of the django_ecommerce layout, and no request can reach the entry of another."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from urllib.parse import quote

from catalogue import caching, keys
from django.conf import settings
from django.core.cache import cache
from django.http import QueryDict
from django.test import SimpleTestCase, override_settings
from rest_framework.response import Response

from tests.shop import ShopTestCase


def listing_key(query: str) -> str:
    return keys.listing(keys.listing_parameters(QueryDict(query))).key


class LayoutTests(SimpleTestCase):
    def test_fixed_keys_and_lifetimes_are_those_of_the_layout(self) -> None:
        wanted = {
            "categories:all": 1800,
            "category:5": 1800,
            "product_colors:all": 3600,
            "product:5:variants:list": 900,
            "product:5": 900,
            "product:5:variants": 900,
            "product:5:recommendations": 1200,
            "products:top_sellers": 1800,
            "products:new_arrivals": 900,
        }
        of_five = [keys.category, keys.variant_list, keys.product, keys.product_variants, keys.recommendations]
        places = [place(5) for place in of_five]
        places += [keys.categories(), keys.colors(), keys.top_sellers(), keys.new_arrivals()]
        self.assertEqual({place.key: place.ttl for place in places}, wanted)

    def test_listing_keys_are_those_of_the_layout(self) -> None:
        wanted = {
            "": "products:list",
            "page=1": "products:list:2679a79d",
            "limit=20&category=5": "products:list:e31447fa",
            "category=5&limit=20": "products:list:e31447fa",
            "category=5&category=6": "products:list:a8ee04b2",
            "category=6": "products:list:a8ee04b2",
            "search": "products:list:6e5e9605",
            "search=caf%C3%A9": "products:list:a093f646",
            "search=a%20b": "products:list:e716ad52",
            "min_price=10&max_price=20&color=3&storage=128GB&in_stock=true": "products:list:c77708bc",
            "offset=10&limit=10": "products:list:f7b73f8c",
            "category__slug=phones": "products:list:d8719838",
        }
        self.assertEqual({query: listing_key(query) for query in wanted}, wanted)
        self.assertEqual(keys.listing({}).ttl, 600)

    def test_filter_keys_are_those_of_the_layout(self) -> None:
        self.assertEqual(keys.filters("").key, "products:filters:600c00dd")
        self.assertEqual(keys.filters("phones").key, "products:filters:60540464")
        self.assertEqual(keys.filters("phones").ttl, 1800)

    def test_personal_keys_are_those_of_the_layout(self) -> None:
        wanted = {(): "ee1a6485", (1,): "f7b29f13", (10, 9): "97a7ee8a", (9, 10): "97a7ee8a", (1, 1): "a7847aae"}
        for ids, digest in wanted.items():
            self.assertEqual(keys.personalized(ids).key, f"products:personalized:{digest}")
        self.assertEqual(keys.personalized(()).ttl, 1200)

    def test_unknown_parameters_take_no_part_in_the_key(self) -> None:
        self.assertEqual(listing_key("prefix=x&utm_source=y&_=1&page=1"), listing_key("page=1"))

    def test_an_escaped_ampersand_is_another_question(self) -> None:
        split = keys.listing({"search": "a", "storage": "b"})
        joined = keys.listing({"search": "a&storage=b"})
        self.assertEqual(split.key, joined.key)  # the layout does not escape
        self.assertNotEqual(split.question, joined.question)


@override_settings(SHOP_DEBUG_HEADERS=True)
class ForgeryTests(ShopTestCase):
    def test_an_entry_stands_under_prefix_version_and_key(self) -> None:
        self.body(f"/api/products/{self.product.pk}/")
        self.assertEqual(self.kept_keys(), {f"product:{self.product.pk}"})
        self.assertEqual(
            cache.make_key(f"product:{self.product.pk}"),
            f"{settings.CACHES['default']['KEY_PREFIX']}:1:product:{self.product.pk}",
        )

    def test_path_text_reaches_no_other_entry(self) -> None:
        self.body(f"/api/products/{self.product.pk}/variants/")
        before = self.kept_keys()
        for text in (":variants", "%3Avariants", "%0A", "%20", "x", "٣", "-1"):
            self.assertEqual(self.client.get(f"/api/products/{self.product.pk}{text}/").status_code, 404, text)
        self.assertEqual(self.client.get("/api/products/9999999999999999999999/").status_code, 404)
        self.assertEqual(self.kept_keys(), before)

    def test_leading_zeros_are_the_same_product(self) -> None:
        self.body(f"/api/products/{self.product.pk}/")
        self.assertEqual(self.outcome(f"/api/products/000{self.product.pk}/"), "hit")

    def test_a_parameter_called_prefix_is_ignored(self) -> None:
        plain = self.body("/api/products/")
        self.assertEqual(self.outcome("/api/products/?prefix=x"), "hit")
        self.assertEqual(self.body("/api/products/?prefix=x"), plain)

    def test_an_escaped_ampersand_gets_its_own_answer(self) -> None:
        narrowed = self.body("/api/products/?search=o&storage=")
        forged = self.body(f"/api/products/?search={quote('o&storage=')}")
        self.assertEqual((narrowed["count"], forged["count"]), (2, 0))
        # They share a key, so the forged answer has taken the place; the other question is still answered rightly.
        self.assertEqual(len(self.kept_keys()), 1)
        self.assertEqual(self.body("/api/products/?storage=&search=o"), narrowed)

    def test_a_key_shared_by_chance_gives_no_other_listing(self) -> None:
        place = keys.listing({"page": "1"})
        cache.set(place.key, ("page=77", b'{"count": 0}'), 60)
        self.assertEqual(self.body("/api/products/?page=1")["count"], 2)

    def test_bytes_that_others_left_under_a_key_are_a_miss(self) -> None:
        for left in ('{"id": 1}', {"id": 1}, 7, (), ["product:1", b"{}"]):
            cache.set(keys.product(self.product.pk).key, left, 60)
            self.assertEqual(self.body(f"/api/products/{self.product.pk}/")["name"], "one")

    def test_numbers_of_a_query_are_numbers(self) -> None:
        before = self.kept_keys()
        for path in (
            "/api/product-variants/?product_id=5:x",
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
        self.assertEqual(self.kept_keys(), before)

    def test_only_answers_with_status_200_are_kept(self) -> None:
        view = caching.cached(lambda request: keys.top_sellers())(lambda self, request: Response([], status=202))
        self.assertEqual(view(None, None).status_code, 202)
        self.assertEqual(self.kept_keys(), set())

    def test_what_was_not_found_is_not_kept(self) -> None:
        self.assertEqual(self.body("/api/products/987654/", 404), {"error": "Product not found"})
        self.body("/api/products/?page=99", 404)
        self.body("/api/products/filters/?category__slug=nothing", 404)
        self.assertEqual(self.kept_keys(), set())
