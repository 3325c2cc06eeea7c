"""What the document of quelyos_api promises: views counted once, limits, values, readiness, and Redis going away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hitrate.layouts.quelyos_api import get_products_list_key
from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products, parameters
from tests.with_odoo.replica import connect
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_failing import eventually
from tests.with_odoo.test_products import details, keys

PRODUCTS = "/api/ecommerce/products"
READY = "/api/health/ready"


def view(who: Browser, slug: str) -> int:
    found: int = who.call(f"{PRODUCTS}/slug/{slug}")["product"]["view_count"]
    return found


@pytest.fixture
def slug(site: Site, product: int) -> str:
    found: str = site.browser().call(details(product))["data"]["slug"]
    return found


def test_a_view_counts_once_a_minute_for_each_address(site: Site, redis: Server, product: int, slug: str) -> None:
    assert [view(site.browser(), slug) for _ in range(3)] == [1, 1, 1]
    key = f"view_count:127.0.0.1:{product}"
    assert keys(redis, "view_count:*") == [key]
    assert 0 < redis.execute("TTL", key) <= 60


def test_headers_that_anybody_may_write_are_not_believed(site: Site, redis: Server, product: int, slug: str) -> None:
    for number in range(3):
        made_up = {"X_Forwarded_For": f"10.9.9.{number}", "X_Real_IP": f"10.9.8.{number}", "X_Forwarded_Host": "shop"}
        view(site.browser(**made_up), slug)
    assert keys(redis, "view_count:*") == [f"view_count:127.0.0.1:{product}"]


def test_a_proxy_is_believed_where_odoo_was_told_that_there_is_one(
    odoo: Odoo, redis: Server, product: int, slug: str
) -> None:
    with odoo.serve("shop", "--proxy-mode", workers=0) as behind:
        for number in (1, 2, 2):
            said = {"X_Forwarded_For": f"6.6.6.6, 10.9.9.{number}", "X_Forwarded_Host": "shop"}
            view(behind.browser(**said), slug)
        found = {f"view_count:10.9.9.{number}:{product}" for number in (1, 2)}
        assert set(keys(redis, "view_count:10*")) == found


def test_the_list_is_cached_under_the_layouts_key_and_forgotten_when_a_product_changes(
    site: Site, admin: Browser, redis: Server
) -> None:
    make_products(admin, 1, name="Quasar lamp", list_price=12.0)
    params = {"limit": 5, "search": "Quasar", "tenant_id": 999}
    first = site.browser().call(PRODUCTS, **params)
    assert sorted(first) == ["facets", "limit", "offset", "products", "success", "total"]
    assert site.browser().call(PRODUCTS, **params) == first
    company = admin.kw("res.users", "read", [2], ["company_id"])[0]["company_id"][0]
    (key,) = keys(redis, "tenant:*")
    # Of this shop's company, whatever tenant the visitor asks for.
    assert key.startswith(f"{get_products_list_key({**params, 'tenant_id': company})}:#")
    assert 280 < redis.execute("TTL", key) <= 300
    admin.kw("product.template", "write", [card["id"] for card in first["products"]], {"list_price": 13.0})
    assert {card["list_price"] for card in site.browser().call(PRODUCTS, **params)["products"]} == {13.0}


def test_parameters_that_the_layout_spells_alike_have_answers_of_their_own(
    site: Site, admin: Browser, redis: Server
) -> None:
    make_products(admin, 1, name="Pulsar lamp")
    forged = {"search": "Pulsar", "sort_by": "price:sort_by=name"}
    meant = {"search": "Pulsar:sort_by=price", "sort_by": "name"}
    assert get_products_list_key(forged) == get_products_list_key(meant)
    assert site.browser().call(PRODUCTS, **forged)["total"] >= 1
    for _ in range(2):
        assert site.browser().call(PRODUCTS, **meant)["total"] == 0


def test_no_visitor_makes_a_key_as_long_as_he_likes(site: Site, redis: Server) -> None:
    for _ in range(2):
        assert site.browser().call(PRODUCTS, search="x" * 100_000, sort_by="*" * 10_000)["total"] == 0
    found = keys(redis, "tenant:*:h1")
    assert len(found) == 1
    assert len(found[0]) < 400


def test_bad_parameters_are_refused(site: Site) -> None:
    for params in ({"limit": "many"}, {"offset": 10**30}, {"category_id": "x"}, {"search": 5}, {"price_min": "cheap"}):
        assert site.browser().call(PRODUCTS, **params) == {"success": False, "error": "Invalid parameters"}


def test_limits_refuse_with_the_originals_answer(site: Site, redis: Server, product: int, slug: str) -> None:
    visitor = site.browser()
    for _ in range(60):
        assert visitor.call(PRODUCTS)["success"] is True
    # A new session is no new budget.
    refused = site.browser().call(PRODUCTS)
    assert 0 < refused.pop("retry_after") <= 60
    assert refused == {
        "success": False,
        "error": "Too many requests. Please try again later.",
        "error_code": "RATE_LIMIT_EXCEEDED",
        "limit": 60,
        "window": 60,
    }
    # Another endpoint has a limit of its own, and limits live in their own database.
    assert view(visitor, slug) == 1
    assert not [key for key in keys(redis, "*") if "products_list" in key]


def test_routes_are_limited_by_address(site: Site, redis: Server) -> None:
    statuses = [site.browser().fetch("/probe/limited") for _ in range(4)]
    assert [status for status, _, _ in statuses] == [200, 200, 200, 429]
    assert 0 < int(statuses[-1][1]["Retry-After"]) <= 60
    # Those that Odoo runs again count once.
    answers = [site.browser().call("/probe/limited/json", conflicts=True) for _ in range(4)]
    assert [answer["success"] for answer in answers] == [True, True, True, False]


def test_readiness_tells_of_redis(site: Site, redis: Server) -> None:
    status, _, body = site.browser().fetch(READY)
    found = json.loads(body)["redis"]
    assert (status, found["status"], sorted(found)) == (200, "ok", ["hit_rate", "latency_ms", "status"])
    redis.kill()
    status, _, body = site.browser().fetch(READY)
    assert (status, json.loads(body)["redis"]) == (503, {"status": "error", "error": "Erreur serveur"})
    redis.restart()
    eventually(lambda: site.browser().fetch(READY)[0] == 200, "not ready again")


@pytest.fixture
def unconfigured(odoo: Odoo) -> Iterator[Site]:
    """A site that nobody told of a Redis, and that finds none."""
    with odoo.serve("shop", workers=0, environ={"REDIS_HOST": "", "REDIS_PORT": "1"}) as serving:
        yield serving


def test_a_site_without_redis_is_ready_and_serves(unconfigured: Site, product: int, slug: str) -> None:
    status, _, body = unconfigured.browser().fetch(READY)
    assert (status, json.loads(body)["redis"]) == (200, {"status": "disabled", "message": "Redis not configured"})
    assert unconfigured.browser().call(details(product))["success"] is True
    assert unconfigured.browser().call(PRODUCTS)["success"] is True
    assert [view(unconfigured.browser(), slug) for _ in range(2)] == [1, 1]
    assert unconfigured.lines("Could not connect to Redis: ")
    assert unconfigured.lines("Falling back to in-memory cache.")


def test_views_and_limits_are_counted_in_memory_while_redis_is_away(
    odoo: Odoo, redis: Server, product: int, slug: str
) -> None:
    with odoo.serve("shop", workers=0) as alone:
        assert alone.lines(f"Redis connected successfully at {redis.host}:{redis.port}")
        assert view(alone.browser(), slug) == 1
        redis.kill()
        mark = alone.mark()
        counted = [view(alone.browser(), slug) for _ in range(3)]
        # This process has its own minute, which begins now.
        assert counted[-1] - 1 <= 1
        assert alone.lines("Falling back to in-memory cache.", mark)
        assert [alone.browser().call(PRODUCTS)["success"] for _ in range(3)] == [True] * 3
        redis.restart()
        # It is the next request that says so.
        eventually(
            lambda: (
                alone.browser().call(PRODUCTS)["success"] and bool(alone.lines("Redis connected successfully", mark))
            ),
            "it is not said to be back",
        )
        eventually(lambda: view(alone.browser(), slug) > 0 and bool(keys(redis, "view_count:*")), "not counted there")


def test_first_views_of_many_at_a_time_are_all_counted_and_fail_nobody(odoo: Odoo, product: int, slug: str) -> None:
    viewers = 24
    with odoo.serve("shop", "--proxy-mode", workers=4) as behind:

        def look(number: int) -> bool:
            said = {"X_Forwarded_For": f"10.7.0.{number}", "X_Forwarded_Host": "shop"}
            found: bool = behind.browser(**said).call(f"{PRODUCTS}/slug/{slug}")["success"]
            return found

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(look, range(viewers))) == [True] * viewers
        assert counted(odoo, product) == viewers
        assert behind.lines("could not serialize") == behind.lines("SERIALIZATION_FAILURE") == []


def counted(odoo: Odoo, product: int) -> int:
    """The views of a product that the database knows."""
    return int(odoo.sql(f"SELECT coalesce(x_view_count, 0) FROM product_template WHERE id = {product}", "shop"))


def test_a_view_waits_a_second_at_most_for_somebody_who_changes_the_product(
    odoo: Odoo, site: Site, product: int, slug: str
) -> None:
    mark = site.mark()
    with connect(odoo.database, "shop") as editor:
        editor.execute("BEGIN")
        editor.execute("SELECT 1 FROM product_template WHERE id = %s FOR UPDATE", [product])
        assert site.browser().call(f"{PRODUCTS}/slug/{slug}")["success"] is True
        editor.execute("ROLLBACK")
    assert len(site.lines(f"A view of product {product} was not counted: ", mark)) == 1
    assert counted(odoo, product) == 0


def test_a_request_that_odoo_runs_again_is_counted_once(
    odoo: Odoo, site: Site, redis: Server, product: int, slug: str
) -> None:
    mark = site.mark()
    assert site.browser().call(f"/probe/retried/{slug}")["product"]["view_count"] == 1
    assert site.lines("tries left, try again in", mark)
    assert counted(odoo, product) == 1
    # So is it by the limit of the page: of 120 a minute, 119 are left.
    for _ in range(119):
        assert site.browser().call(f"{PRODUCTS}/slug/{slug}")["success"] is True
    refused = site.browser().call(f"{PRODUCTS}/slug/{slug}")
    assert 0 < refused.pop("retry_after") <= 60
    assert refused == {
        "success": False,
        "error": "Too many requests. Please try again later.",
        "error_code": "RATE_LIMIT_EXCEEDED",
        "limit": 120,
        "window": 60,
    }
    # Refused requests count no view, and other endpoints have limits of their own.
    assert counted(odoo, product) == 1
    assert site.browser().call(PRODUCTS)["success"] is True


def test_routes_of_the_addon_s_limiter_answer_429_and_say_what_is_left(site: Site, redis: Server) -> None:
    statuses = [site.browser().fetch("/probe/limited/api") for _ in range(6)]
    assert [status for status, _, _ in statuses] == [200] * 5 + [429]
    headers = statuses[0][1]
    assert [headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Window")] == ["5", "4", "300"]
    assert 0 < int(statuses[-1][1]["Retry-After"]) <= 300
    refused = json.loads(statuses[-1][2])
    assert (refused["error_code"], refused["limit"], refused["window"]) == ("RATE_LIMIT_EXCEEDED", 5, 300)


def test_an_instance_that_does_without_redis_is_degraded_and_in_service(
    site: Site, admin: Browser, redis: Server
) -> None:
    with parameters(admin, required=0):
        status, _, body = site.browser().fetch(READY)
        assert (status, json.loads(body)["status"]) == (200, "ready")
        redis.kill()
        status, _, body = site.browser().fetch(READY)
        found = json.loads(body)
        assert (status, found["status"], found["redis"]["status"]) == (200, "degraded", "error")
    assert site.browser().fetch(READY)[0] == 503


def test_the_service_s_numbers_tell_whether_redis_is_away_or_was_never_there(
    unconfigured: Site, admin: Browser, redis: Server
) -> None:
    assert unconfigured.admin().kw("hitrate.probe", "cache_service", "get_stats") == {"enabled": False}
    assert admin.kw("hitrate.probe", "cache_service", "get_stats")["enabled"] is True
    redis.kill()
    found = admin.kw("hitrate.probe", "cache_service", "get_stats")
    assert (found["enabled"], sorted(found)) == (True, ["enabled", "error"])
