"""What a computation reads of the request, and the key does not tell, is in no answer that is kept."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.site import Site
from tests.with_odoo.test_administration import french
from tests.with_odoo.test_companies import HOST, Companies, companies
from tests.with_odoo.test_crossing import pricelists
from tests.with_odoo.test_products import keys
from tests.with_odoo.test_rights import portal

__all__ = ["companies", "pricelists"]

# What is read, of what belongs to a visitor alone.
READ = {
    "cookie": "httprequest",
    "country": "geoip",
    "header": "httprequest",
    "host": "httprequest",
    "session": "session",
}
WAYS = pytest.mark.parametrize("own_cursor", [True, False], ids=["of a model", "of a controller"])


def asked(visitor: Browser, what: str, *vary: str, **params: Any) -> Any:
    """What a computation read."""
    return visitor.call(f"/probe/request/{what}", vary=list(vary), **params)["value"]


@pytest.fixture
def abroad(site: Site, admin: Browser) -> tuple[Browser, int]:
    """A customer with a fiscal position of his own, and that."""
    position: int = admin.kw("account.fiscal.position", "create", {"name": f"Abroad {uuid.uuid4()}"})
    customer = portal(site, admin)
    user = customer.call("/web/session/get_session_info")["uid"]
    partner = admin.kw("res.users", "read", [user], ["partner_id"])[0]["partner_id"][0]
    admin.kw("res.partner", "write", [partner], {"property_account_position_id": position})
    return customer, position


@WAYS
@pytest.mark.parametrize("given", [{"pricelist": False}, {}], ids=["a pricelist in the context", "none"])
def test_a_fiscal_position_is_given_to_nobody_else(
    site: Site, redis: Server, abroad: tuple[Browser, int], given: dict[str, Any], own_cursor: bool
) -> None:
    for _ in range(3):
        for visitor, expected in (abroad, (site.browser(), False)):
            found = asked(visitor, "fiscal_position", "pricelist", given=given, own_cursor=own_cursor)
            assert found == expected
    kept = keys(redis, "probe:request:*:h1")
    # It is part of the key, or nothing is kept.
    assert len(kept) == (0 if given else 2)


def test_a_pricelist_in_the_context_is_not_that_of_the_request(
    site: Site, redis: Server, pricelists: list[int]
) -> None:
    visitors = [site.browser() for _ in pricelists]
    for visitor, pricelist in zip(visitors, pricelists, strict=True):
        visitor.fetch(f"/shop/change_pricelist/{pricelist}")
    for given in ({"pricelist": pricelists[0]}, {}):
        for _ in range(2):
            for visitor, pricelist in zip(visitors, pricelists, strict=True):
                assert asked(visitor, "pricelist", "pricelist", given=given) == pricelist
    # Without a word of the context, which says nothing of the request's.
    assert len(keys(redis, "probe:request:pricelist:*:h1")) == 2
    for _ in range(2):
        assert [asked(visitor, "pricelist") for visitor in visitors] == pricelists
        assert [asked(visitor, "pricelist", "currency") for visitor in visitors] == pricelists


@WAYS
def test_a_currency_that_the_request_has_found_already_is_given_to_nobody_else(
    site: Site, admin: Browser, redis: Server, pricelists: list[int], own_cursor: bool
) -> None:
    website = admin.kw("website", "search_read", [], ["currency_id"], order="id", limit=1)[0]["currency_id"]
    wanted = [["name", "in", ["EUR", "USD"]], ["id", "!=", website[0]]]
    other = admin.kw("res.currency", "search_read", wanted, ["name"], context={"active_test": False})[0]
    admin.kw("res.currency", "write", [other["id"]], {"active": True})
    admin.kw("product.pricelist", "write", [pricelists[1]], {"currency_id": other["id"]})
    visitors = [site.browser() for _ in pricelists]
    for visitor, pricelist in zip(visitors, pricelists, strict=True):
        visitor.fetch(f"/shop/change_pricelist/{pricelist}")
    for vary in (["website"], ["website", "currency"]):
        for _ in range(3):
            found = [asked(visitor, "currency", *vary, own_cursor=own_cursor) for visitor in visitors]
            assert found == [website[1], other["name"]]
    assert len(keys(redis, "probe:request:currency:*:h1")) == 2


@WAYS
@pytest.mark.parametrize("what", READ)
def test_what_a_visitor_alone_says_is_in_no_answer_that_is_kept(
    site: Site, redis: Server, what: str, own_cursor: bool
) -> None:
    marks = ("first", "second")
    vary = ["company", "currency", "groups", "lang", "pricelist", "user"]
    for _ in range(3):
        for mark in marks:
            visitor = site.browser(Cookie=f"mark={mark}", X_Mark=mark, Host=f"{mark}.test")
            expected = f"{mark}.test" if what == "host" else mark
            found = asked(visitor, what, *vary, country=mark, mark=mark, own_cursor=own_cursor)
            assert found == expected
    assert keys(redis, "probe:request:*:h1") == []
    # Each of two workers says so once.
    said = site.lines(f"'probe:request' is not kept: what computes it read request.{READ[what]}, of which")
    assert 1 <= len(said) <= 2


@WAYS
def test_a_token_against_forged_requests_is_its_session_s(site: Site, redis: Server, own_cursor: bool) -> None:
    visitors = [site.browser(), site.browser()]
    for _ in range(2):
        first, second = [asked(visitor, "token", "user", own_cursor=own_cursor) for visitor in visitors]
        assert first != second
    assert keys(redis, "probe:request:*:h1") == []


def test_a_cart_is_in_no_answer_that_is_kept(site: Site, admin: Browser, product: int) -> None:
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    buyer, other = site.browser(), site.browser()
    admin.kw("product.template", "write", [product], {"is_storable": False, "type": "service"})
    buyer.call("/shop/cart/add", product_template_id=product, product_id=variant, quantity=1)
    for _ in range(2):
        assert asked(buyer, "cart", "user", "website", "pricelist") > 0
        assert asked(other, "cart", "user", "website", "pricelist") is False


def test_the_website_of_the_request_is_that_of_the_key(
    site: Site, admin: Browser, redis: Server, companies: Companies
) -> None:
    (first,) = admin.kw("website", "search", [], order="id", limit=1)
    (second,) = admin.kw("website", "search", [["domain", "=", f"http://{HOST}"]])
    visitors = {first: site.browser(), second: site.browser(Host=HOST)}
    for _ in range(2):
        for number, visitor in visitors.items():
            # A page of one website that shows something of the other one.
            assert asked(visitor, "website", "website", given={"website_id": second}) == [number, second]
            assert asked(visitor, "website", "website") == [number, number]
    assert len(keys(redis, "probe:request:website:*:h1")) == 3


def test_the_language_of_the_request_is_that_of_the_key(site: Site, admin: Browser, redis: Server) -> None:
    wizard = admin.kw("base.language.install", "create", {"lang_ids": [(6, 0, french(admin))]})
    admin.kw("base.language.install", "lang_install", [wizard])
    website = admin.kw("website", "search", [], limit=1)
    admin.kw("website", "write", website, {"language_ids": [(4, french(admin)[0])]})
    visitors = {"en_US": site.browser(), "fr_FR": site.browser(Cookie="frontend_lang=fr_FR")}
    for _ in range(2):
        for lang, visitor in visitors.items():
            assert asked(visitor, "lang", "lang", given={"lang": "fr_FR"}) == lang
            assert asked(visitor, "lang", "lang") == lang
    assert len(keys(redis, "probe:request:lang:*:h1")) == 3


@pytest.mark.parametrize("part", ["groups", "user"])
def test_what_is_shown_to_developers_is_shown_to_them_alone(site: Site, redis: Server, part: str) -> None:
    developer, manager = site.admin(), site.admin()
    developer.fetch("/web/health?debug=1")
    developer.call("/probe/request/debug?debug=1", vary=[part])
    manager.call("/probe/request/debug", vary=[part])
    for _ in range(2):
        assert asked(developer, "debug", part) is True
        assert asked(manager, "debug", part) is False
    assert len(keys(redis, "probe:request:debug:*:h1")) == 2


def test_records_of_the_request_are_read_with_the_cursor_of_the_computation(site: Site) -> None:
    for own_cursor in (True, False):
        assert asked(site.browser(), "cursor", "website", "pricelist", own_cursor=own_cursor) == [True] * 3
