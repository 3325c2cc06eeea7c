"""Two databases, companies, languages and pricelists on one Redis: nobody gets another one's answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import BLANK, Odoo, Site
from tests.with_odoo.test_administration import french
from tests.with_odoo.test_products import LIST, details, keys


def test_two_databases_on_one_redis_do_not_cross(
    odoo: Odoo, site: Site, admin: Browser, redis: Server, product: int
) -> None:
    odoo.copy("shop_two", BLANK)
    with odoo.serve("shop_two", workers=0) as other:
        administrator = other.admin()
        # The same ids in both, with other names and prices.
        twins: list[int] = []
        while not twins or twins[-1] < product:
            twins += make_products(administrator, 1, list_price=77.0)
        mine, theirs = site.browser(), other.browser()
        for _ in range(2):
            assert mine.call(details(product))["data"]["list_price"] == 10.0
            assert theirs.call(details(product))["data"]["list_price"] == 77.0
        assert len(keys(redis, f"product:api:{product}:*:h1")) == 2
        # A change in one forgets nothing of the other.
        administrator.kw("product.template", "write", [product], {"list_price": 78.0})
        assert theirs.call(details(product))["data"]["list_price"] == 78.0
        assert mine.call(details(product))["cached"] is True
    odoo.sql("DROP DATABASE shop_two WITH (FORCE)")


def test_languages_do_not_cross(site: Site, admin: Browser, redis: Server, product: int) -> None:
    wizard = admin.kw("base.language.install", "create", {"lang_ids": [(6, 0, french(admin))]})
    admin.kw("base.language.install", "lang_install", [wizard])
    website = admin.kw("website", "search", [], limit=1)
    admin.kw("website", "write", website, {"language_ids": [(4, french(admin)[0])]})
    admin.kw("product.template", "write", [product], {"name": "Lampe"}, context={"lang": "fr_FR"})
    english, francais = site.browser(), site.browser(Cookie="frontend_lang=fr_FR")
    for _ in range(2):
        assert english.call(details(product))["data"]["name"] == "Lamp 0"
        assert francais.call(details(product))["data"]["name"] == "Lampe"
    assert francais.call(details(product))["cached"] is True
    assert len(keys(redis, f"product:api:{product}:*:h1")) == 2
    # Both are forgotten.
    admin.kw("product.template", "write", [product], {"list_price": 11.0})
    assert [who.call(details(product))["data"]["list_price"] for who in (english, francais)] == [11.0, 11.0]


@pytest.fixture
def pricelists(admin: Browser) -> Iterator[list[int]]:
    """A pricelist at half the price, and one at a tenth, that visitors may choose."""
    switch_pricelists(admin, on=True)
    found: list[int] = []
    for name, discount in (("Half", 50.0), ("Tenth", 90.0)):
        rule = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": discount}
        values: dict[str, Any] = {"name": name, "selectable": True, "item_ids": [(0, 0, rule)]}
        found.append(admin.kw("product.pricelist", "create", values))
    yield found
    admin.kw("product.pricelist", "write", found, {"active": False})
    switch_pricelists(admin, on=False)


def switch_pricelists(admin: Browser, *, on: bool) -> None:
    settings = admin.kw("res.config.settings", "create", {"group_product_pricelist": on})
    admin.kw("res.config.settings", "execute", [settings])


def test_pricelists_do_not_cross(
    site: Site, admin: Browser, redis: Server, product: int, pricelists: list[int]
) -> None:
    visitors = [site.browser() for _ in pricelists]
    for visitor, pricelist in zip(visitors, pricelists, strict=True):
        visitor.fetch(f"/shop/change_pricelist/{pricelist}")
    for _ in range(2):
        for visitor, price in zip(visitors, (5.0, 1.0), strict=True):
            assert visitor.call(details(product))["data"]["list_price"] == price
            listed = visitor.call(LIST, sort="newest", limit=100)["data"]["products"]
            assert [card["list_price"] for card in listed if card["id"] == product] == [price]
    # A changed rule of a pricelist is a changed price.
    rule = admin.kw("product.pricelist.item", "search", [["pricelist_id", "=", pricelists[0]]])
    admin.kw("product.pricelist.item", "write", rule, {"percent_price": 40.0})
    assert visitors[0].call(details(product))["data"]["list_price"] == 6.0
    assert visitors[1].call(details(product))["data"]["list_price"] == 1.0


def test_companies_do_not_cross(admin: Browser, redis: Server) -> None:
    first = admin.kw("res.company", "search", [], limit=1)
    second = admin.kw("res.company", "create", {"name": f"Second {redis.port}"})
    both = [first, [second], [*first, second], [second, *first]]
    for companies in both:
        assert admin.kw("hitrate.probe", "companies", context={"allowed_company_ids": companies}) == companies
    for companies in both:
        assert admin.kw("hitrate.probe", "companies", context={"allowed_company_ids": companies}) == companies
    assert len(keys(redis, "hitrate.probe._companies:*:h1")) == 4
