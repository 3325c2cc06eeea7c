"""What a value depends on is what was declared: nobody makes a value for others of more than the key says."""

from __future__ import annotations

import uuid

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import Site
from tests.with_odoo.test_products import LIST, details, keys

PROBE = "hitrate.probe"


def test_an_address_that_asks_for_marks_of_translators_poisons_nothing(
    site: Site, admin: Browser, redis: Server, product: int
) -> None:
    admin.kw("product.template", "write", [product], {"description_ecommerce": "<p>Bright</p>"})
    plain = "<p>Bright</p>"
    # Odoo puts these parameters into the context, of whoever asks.
    for asked in ("?edit_translations=1", "?editable=1&translatable=1", ""):
        answer = site.browser().call(details(product) + asked)
        assert answer["data"]["technical_description"] == plain


@pytest.mark.parametrize("where", ["params", "body"])
def test_a_context_that_a_visitor_sends_changes_nothing(site: Site, redis: Server, product: int, where: str) -> None:
    context = {"lang": "fr_FR", "website_id": 99, "pricelist": 1, "allowed_company_ids": [99], "to_date": "2000-01-01"}
    visitor = site.browser()
    expected = visitor.call(details(product))["data"]
    redis.execute("FLUSHALL")
    given = {"params": {"context": context}} if where == "params" else {"context": context}
    assert visitor.call(details(product), top_level=given)["data"] == expected
    assert visitor.call(details(product)) == {"success": True, "data": expected, "cached": True}


def test_a_made_up_host_stands_in_nobody_s_answer(site: Site, redis: Server, product: int) -> None:
    for headers in ({"Host": "evil.test"}, {"X_Forwarded_Host": "evil.test", "X_Forwarded_For": "1.2.3.4"}, {}):
        for path in (details(product), LIST):
            assert "evil.test" not in str(site.browser(**headers).call(path))
    assert len(keys(redis, f"product:api:{product}:*:h1")) == 1


def test_a_controller_s_method_sees_of_the_context_what_it_declared(site: Site) -> None:
    for _ in range(3):
        answer = site.browser().call("/probe/context?edit_translations=1")
        assert answer["seen"] == ["lang"]
        assert {"edit_translations", "lang", "website_id"} <= set(answer["after"])


def test_a_method_is_computed_without_the_rest_of_a_caller_s_context(admin: Browser, redis: Server) -> None:
    for context in ({"to_date": "2000-01-01"}, {}):
        assert admin.kw(PROBE, "as_before", 1, context=context) == [1, None, "admin", None]
    assert len(keys(redis, "probe:before:1:*")) == 1


def test_a_bestseller_is_one_for_everybody_whoever_asks_first(
    site: Site, admin: Browser, redis: Server, product: int
) -> None:
    visitor, manager = site.browser(), site.admin()
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    assert visitor.call(details(product))["data"]["is_bestseller"] is False
    assert visitor.call(LIST, sort="newest")["data"]["products"][0]["is_bestseller"] is False
    # A service, of which no stock moves, so that it is the order that says so.
    admin.kw("product.template", "write", [product], {"is_storable": False, "type": "service"})
    assert visitor.call(details(product))["data"]["is_bestseller"] is False
    admin.kw(PROBE, "sell", [variant] * 10)
    for first, second in ((visitor, manager), (manager, visitor)):
        redis.execute("FLUSHALL")
        for who in (first, second):
            assert who.call(details(product))["data"]["is_bestseller"] is True
            assert who.call(LIST, sort="newest")["data"]["products"][0]["is_bestseller"] is True


def test_an_order_of_a_service_makes_its_details_new_when_it_is_confirmed(
    site: Site, admin: Browser, product: int
) -> None:
    visitor = site.browser()
    admin.kw("product.template", "write", [product], {"is_storable": False, "type": "service"})
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    assert visitor.call(details(product))["data"]["is_bestseller"] is False
    assert visitor.call(details(product))["cached"] is True
    admin.kw(PROBE, "sell", [variant] * 10)
    assert visitor.call(details(product))["data"]["is_bestseller"] is True


def test_a_product_that_is_taken_off_sale_is_recommended_by_no_kept_answer(site: Site, admin: Browser) -> None:
    first, second = make_products(admin, 2)
    admin.kw("product.template", "write", [first], {"alternative_product_ids": [(6, 0, [second])]})
    visitor, recommended = site.browser(), f"/api/ecommerce/products/{first}/recommendations/cached"
    for values in ({"active": False}, {"sale_ok": False}, {"is_published": False}):
        for _ in range(2):
            assert visitor.call(details(first))["data"]["related_products"] == [second]
            assert [card["id"] for card in visitor.call(recommended)["data"]] == [second]
        admin.kw("product.template", "write", [second], values)
        assert visitor.call(details(first))["data"]["related_products"] == []
        assert visitor.call(recommended)["data"] == []
        admin.kw("product.template", "write", [second], dict.fromkeys(values, True))
    assert visitor.call(details(first))["data"]["related_products"] == [second]
    admin.kw("product.template", "unlink", [second])
    assert visitor.call(details(first))["data"]["related_products"] == []


def test_a_value_of_an_attribute_that_is_renamed_is_seen_in_variants_and_facets(site: Site, admin: Browser) -> None:
    attribute = admin.kw("product.attribute", "create", {"name": f"Colour {uuid.uuid4()}"})
    values = [{"name": name, "attribute_id": attribute} for name in ("Red", "Blue")]
    red, blue = admin.kw("product.attribute.value", "create", values)
    line = {"attribute_id": attribute, "value_ids": [(6, 0, [red, blue])]}
    product = make_products(admin, 1, attribute_line_ids=[(0, 0, line)])[0]
    visitor, facets = site.browser(), "/api/ecommerce/products/facets/cached"

    def names() -> tuple[str, str]:
        variants = visitor.call(details(product))["data"]["variants"]
        found = visitor.call(facets)["data"]["attributes"]
        return variants[0]["name"], next(value["name"] for value in found if value["id"] == red)

    assert "Red" in names()[0]
    assert "Red" in names()[1]
    admin.kw("product.attribute.value", "write", [red], {"name": "Crimson"})
    assert "Crimson" in names()[0]
    assert "Crimson" in names()[1]
    admin.kw("product.attribute", "write", [attribute], {"name": "Shade"})
    assert names()[1] == "Shade: Crimson"


def test_images_have_the_address_that_the_shop_has_now(site: Site, admin: Browser, product: int) -> None:
    visitor = site.browser()
    old = admin.kw("ir.config_parameter", "get_param", "web.base.url")
    assert visitor.call(details(product))["data"]["image_url"].startswith(old)
    admin.kw("ir.config_parameter", "set_param", "web.base.url", "https://moved.test")
    try:
        assert visitor.call(details(product))["data"]["image_url"].startswith("https://moved.test/")
    finally:
        admin.kw("ir.config_parameter", "set_param", "web.base.url", old)


def test_of_a_method_that_overrides_a_kept_one_the_whole_is_kept_and_no_part(admin: Browser, redis: Server) -> None:
    category = admin.kw("res.partner.category", "create", {"name": "Gold"})
    # It is old each time, and computed anew by a part that must not be given the old whole.
    assert {admin.kw("res.partner.category", "old", [category]) for _ in range(5)} == {"Gold!"}
    assert len(keys(redis, f"res.partner.category._old:{category}:*")) == 1
