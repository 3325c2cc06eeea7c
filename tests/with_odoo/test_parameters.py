"""What administrators and visitors may write that cannot be used, means the same, or is not known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_products import LIFETIMES, LIST, details, keys

PRODUCTS = "/api/ecommerce/products"
FACETS = "/api/ecommerce/products/facets/cached"
INVALID = {"success": False, "error": "Invalid parameters"}


@pytest.mark.parametrize("value", ["5m", "0", "-1", "1e3", "60.5", "99999999999999999999"])
@pytest.mark.parametrize("kind", ["details", "analytics"])
def test_a_lifetime_that_is_none_is_refused_where_it_is_written(
    site: Site, admin: Browser, redis: Server, product: int, kind: str, value: str
) -> None:
    with pytest.raises(RefusedError, match="Redis cannot be used so"):
        admin.kw("ir.config_parameter", "set_param", f"redis.ttl.{kind}", value)
    assert site.browser().call(details(product))["success"] is True


@pytest.fixture(params=["5m", "0", "-1"])
def unusable(odoo: Odoo, admin: Browser, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site whose lifetimes were written before anybody checked them, or by SQL."""
    assert admin
    values = ", ".join(f"('redis.ttl.{kind}', '{request.param}')" for kind in LIFETIMES)
    odoo.sql(f"INSERT INTO ir_config_parameter (key, value) VALUES {values}", "shop")
    try:
        with odoo.serve("shop", workers=0) as serving:
            yield serving
    finally:
        odoo.sql("DELETE FROM ir_config_parameter WHERE key LIKE 'redis.ttl.%'", "shop")


def test_a_lifetime_that_is_none_is_the_default_and_said_once(unusable: Site, redis: Server, product: int) -> None:
    manager = unusable.admin()
    # Odoo notes the device of a session in its first request, which changes rows and so keeps nothing.
    manager.call("/web/session/get_session_info")
    for kind, (path, pattern) in LIFETIMES.items():
        for was_cached in (False, True):
            params = {"query": "lam"} if kind == "search" else {}
            answer = manager.call(path.format(product=product), **params)
            assert (answer["success"], answer["cached"]) == (True, was_cached), kind
        assert redis.execute("TTL", keys(redis, pattern)[0]) > 280
        assert len(unusable.lines(f"redis.ttl.{kind} is ")) == 1


def test_a_fault_of_the_server_is_logged_and_no_fault_of_the_visitor(site: Site) -> None:
    mark = site.mark()
    assert site.browser().call("/probe/bug") == {"success": False, "error": "Internal error"}
    assert site.lines(" ERROR shop odoo.addons.quelyos_ecommerce_cache", mark)
    assert site.lines("ValueError: a fault of the server", mark)


def test_limits_and_filters_that_mean_the_same_have_one_key(site: Site, redis: Server, product: int) -> None:
    visitor = site.browser()
    for number in range(3):
        junk = {"filters": {"junk": number, "price_min": None, "search": "  "}, "sort": f"made up {number}"}
        visitor.call(LIST, limit=100 + number, **junk)
        visitor.call(LIST, limit=str(100 + number))
        visitor.call(FACETS, **junk)
        visitor.call(PRODUCTS, limit=100 + number, junk=number, stock_status=f"{number}", include_archived=number)
    for pattern in ("products:list:*:h1", "products:facets:*:h1", "tenant:*:h1"):
        assert len(keys(redis, pattern)) == 1, pattern
    redis.execute("FLUSHALL")
    for values in ([3, 1, 2], [1, 2, 3, 3], ["1", 2.0, 3]):
        visitor.call(LIST, limit=1, filters={"price_min": 1, "price_max": 99.0})
        visitor.call(LIST, limit="1", filters={"price_max": "99", "price_min": 1.0})
        visitor.call(PRODUCTS, attribute_value_ids=values)
    assert len(keys(redis, "products:list:*:h1")) == 1
    assert len(keys(redis, "tenant:*:h1")) == 1


def test_filters_that_match_nothing_fill_nothing(site: Site, redis: Server, product: int) -> None:
    visitor = site.browser()
    for number in range(3):
        nothing = {"filters": {"category_id": 900_000 + number}}
        assert visitor.call(LIST, **nothing)["data"]["total"] == 0
        assert visitor.call(LIST, offset=900_000 + number)["data"]["products"] == []
        assert visitor.call(FACETS, **nothing)["data"]["total"] == 0
        assert visitor.call("/api/ecommerce/products/search/cached", query=f"no such {number}")["data"] == []
    assert [key for key in keys(redis, "*:h1") if not key.startswith("hitrate:")] == []


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_texts_that_postgresql_cannot_hold_are_refused(site: Site, text: str) -> None:
    visitor, mark = site.browser(), site.mark()
    assert visitor.call(LIST, filters={"search": text}) == INVALID
    assert visitor.call(FACETS, filters={"search": text}) == INVALID
    assert visitor.call("/api/ecommerce/products/search/cached", query=text) == INVALID
    assert visitor.call(PRODUCTS, search=text) == INVALID
    assert site.lines(" ERROR shop", mark) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"attribute_value_ids": "12"},
        {"attribute_value_ids": list(range(1000))},
        {"attribute_value_ids": [2**31]},
        {"price_min": float("nan")},
        {"price_max": float("inf")},
        {"category_id": -1},
    ],
    ids=str,
)
def test_filters_that_are_none_are_refused(site: Site, filters: dict[str, object]) -> None:
    visitor = site.browser()
    assert visitor.call(LIST, filters=filters) == INVALID
    assert visitor.call(FACETS, filters=filters) == INVALID
    assert visitor.call(PRODUCTS, **filters) == INVALID
