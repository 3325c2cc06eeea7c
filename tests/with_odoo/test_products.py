"""The endpoints of the document of quelyos_ecommerce, from outside, on two workers."""

from __future__ import annotations

import uuid

import pytest

from hitrate.layouts.quelyos_ecommerce import list_products_key
from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.conftest import company_of, make_products, put_in_stock
from tests.with_odoo.site import Site

LIST = "/api/ecommerce/products/list/cached"
FIELDS = """
    id name slug description technical_description list_price currency is_featured is_new is_bestseller images image_url
    category in_stock stock_qty seo view_count wishlist_count variants related_products
""".split()


def details(product: int) -> str:
    return f"/api/ecommerce/products/{product}/cached"


def keys(redis: Server, pattern: str) -> list[str]:
    return sorted(key.decode() for key in redis.execute("KEYS", pattern))


def test_details_are_cached_and_have_the_originals_shape(site: Site, redis: Server, product: int) -> None:
    visitor = site.browser()
    first = visitor.call(details(product))
    assert (first["success"], first["cached"]) == (True, False)
    assert sorted(first["data"]) == sorted(FIELDS)
    assert sorted(first["data"]["currency"]) == ["code", "id", "symbol"]
    second = site.browser().call(details(product))
    assert second == {**first, "cached": True}
    found = keys(redis, f"product:api:{product}:*:h1")
    assert len(found) == 1
    assert 3400 < redis.execute("TTL", found[0]) <= 3600


def test_lists_are_cached_under_the_layouts_key(site: Site, redis: Server, product: int) -> None:
    params = {"limit": 20, "offset": 0, "filters": {"search": "Lamp"}}
    visitor = site.browser()
    first = visitor.call(LIST, **params)
    assert (first["success"], first["cached"]) == (True, False)
    assert sorted(first["data"]) == ["limit", "offset", "products", "total"]
    assert visitor.call(LIST, **params) == {**first, "cached": True}
    found = keys(redis, "products:list:*:h1")
    assert [key.startswith(f"{list_products_key(params)}:") for key in found] == [True]
    assert 280 < redis.execute("TTL", found[0]) <= 300
    # Other parameters are another key, and pages hold no more than asked for.
    assert visitor.call(LIST, **{**params, "limit": 1})["cached"] is False


def test_a_changed_product_is_seen_at_once_and_by_every_worker(site: Site, admin: Browser, product: int) -> None:
    others = [site.browser() for _ in range(4)]
    for price in (11.0, 12.0, 13.0):
        admin.kw("product.template", "write", [product], {"list_price": price})
        for visitor in others:
            assert visitor.call(details(product))["data"]["list_price"] == price
            listed = visitor.call(LIST, sort="newest", limit=100)["data"]["products"]
            assert [card["list_price"] for card in listed if card["id"] == product] == [price]


def test_created_archived_unsaleable_and_deleted_products_come_and_go(site: Site, admin: Browser) -> None:
    visitor, name = site.browser(), f"Comet {uuid.uuid4()}"

    def listed() -> set[int]:
        return {card["id"] for card in visitor.call(LIST, filters={"search": name}, limit=100)["data"]["products"]}

    assert listed() == set() == listed()
    first, second = make_products(admin, 2, name=name)
    assert listed() == {first, second}
    for values in ({"active": False}, {"sale_ok": False}, {"is_published": False}):
        admin.kw("product.template", "write", [first], values)
        assert listed() == {second}
        assert visitor.call(details(first)) == {"success": False, "error": "Product not found"}
        admin.kw("product.template", "write", [first], dict.fromkeys(values, True))
        assert listed() == {first, second}
        assert visitor.call(details(first))["success"] is True
    admin.kw("product.template", "unlink", [first, second])
    assert listed() == set()
    assert visitor.call(details(second)) == {"success": False, "error": "Product not found"}


def test_a_product_that_does_not_exist_fills_nothing(site: Site, redis: Server) -> None:
    assert site.browser().call(details(999_999)) == {"success": False, "error": "Product not found"}
    assert keys(redis, "product:*") == []


def test_a_counted_view_forgets_nothing(site: Site, redis: Server, admin: Browser, product: int) -> None:
    visitor = site.browser()
    slug = visitor.call(details(product))["data"]["slug"]
    visitor.call(LIST)
    before = keys(redis, "product*:h1")
    viewed = visitor.call(f"/api/ecommerce/products/slug/{slug}")
    assert viewed["product"]["view_count"] == 1
    assert (visitor.call(details(product))["cached"], visitor.call(LIST)["cached"]) == (True, True)
    assert keys(redis, "product*:h1") == before


def test_stock_moves_forget_the_product_and_the_lists(site: Site, admin: Browser, product: int) -> None:
    visitor = site.browser()
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    assert visitor.call(details(product))["data"]["stock_qty"] == 0.0
    assert visitor.call(details(product))["cached"] is True
    put_in_stock(admin, company_of(admin), variant, 7)
    assert visitor.call(details(product))["data"]["stock_qty"] == 7.0
    # A delivery: a move of its own, done.
    assert visitor.call(details(product))["cached"] is True
    assert admin.kw("hitrate.probe", "sell", [variant]) == ["done"]
    assert visitor.call(details(product))["data"]["stock_qty"] == 6.0


@pytest.mark.parametrize(
    ("path", "params", "pattern", "ttl"),
    [
        ("/api/ecommerce/products/{product}/seo/cached", {}, "product:seo:{product}:*", 3600),
        ("/api/ecommerce/products/facets/cached", {"filters": {}}, "products:facets:*", 300),
        ("/api/ecommerce/products/search/cached", {"query": "lam"}, "search:*", 600),
        ("/api/ecommerce/products/{product}/recommendations/cached", {}, "recommendations:*", 1800),
    ],
)
def test_every_pattern_has_a_producer(
    site: Site, redis: Server, product: int, path: str, params: dict[str, object], pattern: str, ttl: int
) -> None:
    visitor = site.browser()
    first = visitor.call(path.format(product=product), **params)
    assert (first["success"], first["cached"]) == (True, False)
    assert visitor.call(path.format(product=product), **params) == {**first, "cached": True}
    found = keys(redis, pattern.format(product=product))
    assert len(found) == 1
    assert ttl * 0.94 < redis.execute("TTL", found[0]) <= ttl


def test_analytics_are_for_administrators_and_forgotten_when_an_order_is_confirmed(
    site: Site, redis: Server, admin: Browser, product: int
) -> None:
    path = "/api/ecommerce/analytics/cached"
    with pytest.raises(RefusedError, match="SessionExpired"):
        site.browser().call(path)
    first = admin.call(path)
    assert admin.call(path) == {**first, "cached": True}
    assert 840 < redis.execute("TTL", keys(redis, "analytics:*")[0]) <= 900
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    admin.kw("hitrate.probe", "sell", [variant])
    after = admin.call(path)
    assert (after["cached"], after["data"]["orders"]) == (False, first["data"]["orders"] + 1)


def test_a_changed_line_of_a_confirmed_order_is_updated_analytics_and_a_cart_is_none(
    admin: Browser, product: int
) -> None:
    path = "/api/ecommerce/analytics/cached"
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    admin.kw("hitrate.probe", "sell", [variant])
    sold = admin.kw("sale.order", "search", [["state", "=", "sale"]], limit=1, order="id desc")
    line = admin.kw("sale.order.line", "search", [["order_id", "in", sold]], limit=1)
    partner = admin.kw("sale.order", "read", sold, ["partner_id"])[0]["partner_id"][0]
    cart = admin.kw("sale.order", "create", {"partner_id": partner, "order_line": [(0, 0, {"product_id": variant})]})
    first = admin.call(path)
    in_cart = admin.kw("sale.order.line", "search", [["order_id", "=", cart]])
    admin.kw("sale.order.line", "write", in_cart, {"product_uom_qty": 5})
    assert admin.call(path) == {**first, "cached": True}
    admin.kw("sale.order.line", "write", line, {"price_unit": 1000.0})
    after = admin.call(path)
    assert after["cached"] is False
    assert after["data"]["revenue"] > first["data"]["revenue"]
    admin.kw("sale.order", "action_cancel", sold)
    assert admin.call(path)["data"]["orders"] == first["data"]["orders"] - 1


LIFETIMES = {
    "details": ("/api/ecommerce/products/{product}/cached", "product:api:*"),
    "seo": ("/api/ecommerce/products/{product}/seo/cached", "product:seo:*"),
    "list": (LIST, "products:list:*"),
    "facets": ("/api/ecommerce/products/facets/cached", "products:facets:*"),
    "search": ("/api/ecommerce/products/search/cached", "search:*"),
    "recommendations": ("/api/ecommerce/products/{product}/recommendations/cached", "recommendations:*"),
    "analytics": ("/api/ecommerce/analytics/cached", "analytics:*"),
}


@pytest.mark.parametrize("kind", LIFETIMES)
def test_lifetimes_are_edited_by_parameters(redis: Server, admin: Browser, product: int, kind: str) -> None:
    path, pattern = LIFETIMES[kind]
    admin.kw("ir.config_parameter", "set_param", f"redis.ttl.{kind}", "120")
    try:
        # Of the search; others do not know it.
        assert admin.call(path.format(product=product), query="lam")["success"] is True
        assert 0 < redis.execute("TTL", keys(redis, pattern)[0]) <= 120
    finally:
        admin.kw("ir.config_parameter", "set_param", f"redis.ttl.{kind}", False)


def test_what_is_not_known_or_means_the_same_makes_no_other_key(site: Site, redis: Server, product: int) -> None:
    for number in range(4):
        site.browser().call(LIST, made_up=number, limit=3)
        site.browser().call("/api/ecommerce/products/search/cached", query="lam", limit=20 + number)
        site.browser().call(f"/api/ecommerce/products/{product}/recommendations/cached", limit=20 + number)
    for pattern in ("products:list:*:h1", "search:*:h1", "recommendations:*:h1"):
        assert len(keys(redis, pattern)) == 1


def test_bad_parameters_are_refused_in_the_modules_shape(site: Site) -> None:
    bad = ({"limit": "many"}, {"offset": None}, {"filters": {"category_id": "x"}}, {"filters": "x"}, {"offset": 10**30})
    for params in (*bad, {"limit": float("inf")}):
        assert site.browser().call(LIST, **params) == {"success": False, "error": "Invalid parameters"}


@pytest.mark.parametrize("where", ["params", "body"])
def test_the_document_s_page_of_a_category_is_that_page(site: Site, admin: Browser, redis: Server, where: str) -> None:
    category = admin.kw("product.public.category", "create", {"name": f"Comets {uuid.uuid4()}"})
    found = make_products(admin, 3, public_categ_ids=[(6, 0, [category])])
    given = {"limit": 2, "offset": 1, "filters": {"category_id": category}}
    for was_cached in (False, True):
        answer = site.browser().call(LIST, top_level={"params": given} if where == "params" else given)
        assert (answer["success"], answer["cached"]) == (True, was_cached)
        assert (answer["data"]["total"], answer["data"]["offset"]) == (3, 1)
        assert [card["id"] for card in answer["data"]["products"]] == found[1:]
    assert [key.startswith(f"{list_products_key(given)}:") for key in keys(redis, "products:list:*:h1")] == [True]


def test_a_body_that_is_no_call_is_refused(site: Site, product: int) -> None:
    for body in (b"[]", b"5", b"{", b'"text"'):
        status, _, _ = site.browser().fetch(details(product), body, {"Content-Type": "application/json"})
        assert status == 400
    # What the address says cannot be said again.
    forged = {"product_id": product + 1, "self": 1, "args": [1]}
    assert site.browser().call(details(product), top_level=forged)["data"]["id"] == product


def test_beside_old_workers_their_entries_are_deleted_too(
    site: Site, redis: Server, admin: Browser, product: int
) -> None:
    theirs = [
        *(f"product:{kind}:{product}" for kind in ("api", "seo", "details")),
        "products:list:0123",
        "products:facets:x",
    ]
    other = f"product:api:{product}0"

    def change() -> list[str]:
        for key in (*theirs, other):
            redis.execute("SETEX", key, 300, "{}")
        admin.kw("product.template", "write", [product], {"list_price": 21.0})
        return [key for key in theirs if redis.execute("EXISTS", key)]

    assert change() == theirs
    admin.kw("ir.config_parameter", "set_param", "redis.old_workers", "1")
    try:
        assert change() == []
        assert redis.execute("EXISTS", other) == 1
    finally:
        admin.kw("ir.config_parameter", "set_param", "redis.old_workers", False)
