"""Two companies on one Redis: answers of the shop that depend on the company, asked for by each in turn."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import company_of, make_products, put_in_stock
from tests.with_odoo.site import Site
from tests.with_odoo.test_products import LIST, details, keys

HOST = "second.test"
ANALYTICS = "/api/ecommerce/analytics/cached"


class Companies(NamedTuple):
    """
    Two companies with a website each, which share a product.

    Attributes:
        ids: the companies; the second one counts in another currency.
        name: of the product.
        product: 7 of it are in stock of the first company, 3 of the second.
        variant: of the product.
    """

    ids: tuple[int, int]
    name: str
    product: int
    variant: int


@pytest.fixture(scope="module")
def companies(site: Site, admin: Browser) -> Iterator[Companies]:
    first: int = company_of(admin)
    used: int = admin.kw("res.company", "read", [first], ["currency_id"])[0]["currency_id"][0]
    wanted = [["name", "in", ["EUR", "USD"]], ["id", "!=", used]]
    currency: int = admin.kw("res.currency", "search", wanted, limit=1, context={"active_test": False})[0]
    admin.kw("res.currency", "write", [currency], {"active": True})
    name = f"Second {uuid.uuid4()}"
    second: int = admin.kw("res.company", "create", {"name": name, "currency_id": currency})
    admin.kw("res.users", "write", [2], {"company_ids": [(4, second)]})
    both = {"allowed_company_ids": [first, second]}
    warehouse = {"name": name, "code": uuid.uuid4().hex[:5], "company_id": second}
    admin.kw("stock.warehouse", "create", warehouse, context=both)
    # Half of the first one's: whatever costs 10 there costs 20 here.
    rates = [{"currency_id": used, "rate": 1.0}, {"currency_id": currency, "rate": 2.0}]
    for rate in rates:
        values = {**rate, "company_id": second, "name": "2020-01-01"}
        admin.kw("res.currency.rate", "create", values, context=both)
    website = admin.kw("website", "create", {"name": name, "domain": f"http://{HOST}", "company_id": second})
    product = make_products(admin, 1, name=name)[0]
    variant: int = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    for company, quantity in ((first, 7), (second, 3)):
        put_in_stock(admin, company, variant, quantity)
    yield Companies((first, second), name, product, variant)
    admin.kw("website", "write", [website], {"domain": False})


def card(visitor: Browser, product: int) -> dict[str, Any]:
    """The product in a list of the shop."""
    found = visitor.call(LIST, sort="newest", limit=100)["data"]["products"]
    cards: list[dict[str, Any]] = [card for card in found if card["id"] == product]
    return cards[0]


def test_stock_and_prices_are_those_of_the_company_of_the_website(
    site: Site, redis: Server, companies: Companies
) -> None:
    visitors = [site.browser(), site.browser(Host=HOST)]
    for was_cached in (False, True):
        for visitor, stock, price in zip(visitors, (7.0, 3.0), (10.0, 20.0), strict=True):
            answer = visitor.call(details(companies.product))
            assert answer["cached"] is was_cached
            assert (answer["data"]["stock_qty"], answer["data"]["list_price"]) == (stock, price)
            listed = card(visitor, companies.product)
            assert (listed["stock_qty"], listed["list_price"]) == (stock, price)
            assert visitor.call("/api/ecommerce/products/facets/cached")["data"]["price"]["max"] >= price
    assert len(keys(redis, f"product:api:{companies.product}:*:h1")) == 2


def test_the_same_website_answers_users_of_two_companies_by_their_own(
    site: Site, redis: Server, admin: Browser, companies: Companies
) -> None:
    group = admin.kw("ir.model.data", "check_object_reference", "base", "group_portal")[1]
    login = f"of-second-{uuid.uuid4()}"
    values = {"name": login, "login": login, "password": login, "group_ids": [(6, 0, [group])]}
    second = companies.ids[1]
    admin.kw("res.users", "create", {**values, "company_id": second, "company_ids": [(6, 0, [second])]})
    theirs, mine = site.browser().login(login, login), site.browser()
    # Odoo notes the device of a session in its first request, which changes rows and so keeps nothing.
    theirs.call("/web/session/get_session_info")
    for was_cached in (False, True):
        for visitor, stock in ((theirs, 3.0), (mine, 7.0)):
            answer = visitor.call(details(companies.product))
            assert (answer["cached"], answer["data"]["stock_qty"]) == (was_cached, stock)
            assert card(visitor, companies.product)["stock_qty"] == stock


def test_a_product_of_one_company_is_shown_by_no_website_of_another(
    site: Site, redis: Server, admin: Browser, companies: Companies
) -> None:
    name = f"Owned {uuid.uuid4()}"
    owned = [make_products(admin, 1, name=name, company_id=company)[0] for company in companies.ids]
    for visitor, mine, other in ((site.browser(), *owned), (site.browser(Host=HOST), *owned[::-1])):
        for _ in range(2):
            assert visitor.call(details(mine))["success"] is True
            missing = {"success": False, "error": "Product not found"}
            assert visitor.call(details(other)) == missing
            assert visitor.call(f"/api/ecommerce/products/slug/owned-{other}") == missing
            found = visitor.call(LIST, filters={"search": name})["data"]["products"]
            assert [card["id"] for card in found] == [mine]
            completions = visitor.call("/api/ecommerce/products/search/cached", query=name)["data"]
            assert [completion["id"] for completion in completions] == [mine]
            listed = visitor.call("/api/ecommerce/products", search=name)["products"]
            assert [product["id"] for product in listed] == [mine]


def test_a_change_of_stock_in_one_company_is_seen_in_both(site: Site, admin: Browser, companies: Companies) -> None:
    visitors = [site.browser(), site.browser(Host=HOST)]

    def stocks() -> list[float]:
        return [visitor.call(details(companies.product))["data"]["stock_qty"] for visitor in visitors]

    assert stocks() == [7.0, 3.0]
    put_in_stock(admin, companies.ids[1], companies.variant, 5)
    assert stocks() == [7.0, 5.0]
    put_in_stock(admin, companies.ids[1], companies.variant, 3)
    assert stocks() == [7.0, 3.0]


def test_analytics_and_the_api_s_list_are_of_the_company_of_the_website(
    site: Site, redis: Server, admin: Browser, companies: Companies
) -> None:
    managers = [admin, site.browser(Host=HOST).login("admin", "admin")]
    before = [manager.call(ANALYTICS)["data"]["orders"] for manager in managers]
    admin.kw("hitrate.probe", "sell", [companies.variant], context={"allowed_company_ids": [companies.ids[1]]})
    for was_cached in (False, True):
        found = [manager.call(ANALYTICS) for manager in managers]
        assert [answer["cached"] for answer in found] == [was_cached] * 2
        assert [answer["data"]["orders"] for answer in found] == [before[0], before[1] + 1]
    put_in_stock(admin, companies.ids[1], companies.variant, 3)
    for _ in range(2):
        for visitor, stock in ((site.browser(), 7.0), (site.browser(Host=HOST), 3.0)):
            products = visitor.call("/api/ecommerce/products", search=companies.name)["products"]
            assert [card["stock_qty"] for card in products if card["id"] == companies.product] == [stock]
    assert len({key.split(":")[1] for key in keys(redis, "tenant:*")}) == 2
