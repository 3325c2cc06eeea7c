"""What other addons imported of the originals: ``cached``, ``rate_limit``, the models; as they were, and safe."""

from __future__ import annotations

import pytest

from hitrate.layouts.quelyos_api import SITEMAP
from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError, external
from tests.with_odoo.site import BLANK, Odoo, Site
from tests.with_odoo.test_monitoring import calls
from tests.with_odoo.test_products import keys

PROBE = "hitrate.probe"
REFUSED = "Trop de requêtes. Veuillez réessayer plus tard."


def test_a_method_is_kept_below_the_original_s_key(site: Site, admin: Browser, redis: Server) -> None:
    mark = site.mark()
    for arguments, given in (((1,), {}), ((1, "a:b"), {}), ((), {"second": 3, "first": "*"}), ((), {})):
        expected = admin.kw(PROBE, "as_before", *arguments, **given)
        assert admin.kw(PROBE, "as_before", *arguments, **given) == expected
    assert len(site.lines("computed before", mark)) == 4
    assert len(keys(redis, "probe:before:1:*:h1")) == 2
    assert len(keys(redis, "probe:before:%2A:3:*:h1")) == 1
    assert 100 < redis.execute("TTL", keys(redis, "probe:before:1:*:h1")[0]) <= 120


def test_its_arguments_by_name_count_and_separators_are_told_apart(site: Site, admin: Browser) -> None:
    mark = site.mark()
    calls = [(("1:2",), {}), ((1, 2), {}), (("1", "2"), {}), ((1,), {"second": 2})]
    found = [admin.kw(PROBE, "as_before", *args, **kwargs)[:2] for args, kwargs in calls]
    assert found == [["1:2", None], [1, 2], ["1", "2"], [1, 2]]
    # The last one is the second one.
    assert len(site.lines("computed before", mark)) == 3


def test_what_it_kept_is_deleted_by_the_original_s_key_and_pattern(site: Site, admin: Browser, redis: Server) -> None:
    mark = site.mark()

    def computed() -> int:
        for number in (1, 11):
            admin.kw(PROBE, "as_before", number)
            admin.kw(PROBE, "as_before", first=number, context={"lang": "en_US"})
        return len(site.lines("computed before", mark))

    assert [computed(), computed()] == [4, 4]
    assert admin.kw(PROBE, "delete", "probe:before:1") is True
    assert [computed(), computed()] == [6, 6]
    admin.kw(PROBE, "delete_pattern", "probe:before:*")
    assert keys(redis, "probe:before:*:h1") == []


def test_to_delete_one_key_is_no_walk_over_all_keys(site: Site, admin: Browser, redis: Server) -> None:
    for number in range(20):
        redis.execute("MSET", *(text for n in range(1000) for text in (f"other:{number}:{n}", "x")))
    redis.execute("SET", "mine", "5")
    mark, walks = site.mark(), calls(redis, "scan")
    assert admin.kw(PROBE, "redis_cache", "get", "mine") == 5
    assert admin.kw(PROBE, "delete_and_count", "mine") <= 2
    assert admin.kw(PROBE, "redis_cache", "get", "mine") is None
    assert calls(redis, "scan") == walks
    assert site.lines("ERROR", mark) == []


def test_it_keeps_nothing_of_one_user_for_another(site: Site, admin: Browser) -> None:
    group = admin.kw("ir.model.data", "check_object_reference", "base", "group_user")[1]
    login = "clerk-of-originals"
    if not admin.kw("res.users", "search", [["login", "=", login]]):
        values = {"name": login, "login": login, "password": login, "group_ids": [(6, 0, [group])]}
        admin.kw("res.users", "create", values)
    clerk = site.browser().login(login, login)
    for _ in range(2):
        assert admin.kw(PROBE, "as_before", 5)[2] == "admin"
        assert clerk.kw(PROBE, "as_before", 5)[2] == login


def test_calls_are_limited_as_the_original_did_for_both_workers_together(site: Site, redis: Server) -> None:
    mark = site.mark()
    answers = [site.browser().call("/probe/limited/original") for _ in range(5)]
    assert [answer["success"] for answer in answers] == [True, True, True, False, False]
    assert {answer["error"] for answer in answers[3:]} == {REFUSED}
    assert 0 < answers[-1]["retry_after"] <= 60
    lines = site.lines(
        "Rate limit exceeded for ip_127.0.0.1 on shop:Probe.limited_as_before: 3/3 requests in 60s", mark
    )
    assert len(lines) == 2
    # A user has a limit of his own.
    assert site.admin().call("/probe/limited/original") == {"success": True}


def test_limits_of_two_databases_are_not_shared(odoo: Odoo, site: Site, redis: Server) -> None:
    odoo.copy("shop_limits", BLANK)
    with odoo.serve("shop_limits", workers=0) as other:
        for path in ("/probe/limited/original", "/probe/limited/json"):
            for _ in range(4):
                answer = site.browser().call(path)
            assert answer["success"] is False
            assert other.browser().call(path)["success"] is True
        for _ in range(61):
            answer = site.browser().call("/api/ecommerce/products")
        assert answer["success"] is False
        assert other.browser().call("/api/ecommerce/products")["success"] is True
    odoo.sql("DROP DATABASE shop_limits WITH (FORCE)")


@pytest.mark.parametrize("method", ["get", "set", "delete", "exists", "get_json", "set_json", "_attempt", "_store"])
def test_nobody_calls_the_second_cache_over_rpc(site: Site, admin: Browser, redis: Server, method: str) -> None:
    redis.execute("SET", SITEMAP, "5")
    arguments = [SITEMAP, "6"] if method.startswith("set") else [SITEMAP]
    with pytest.raises(RefusedError, match=r"AccessError|Private|private"):
        admin.kw("quelyos.cache", method, *arguments)
    with pytest.raises(Exception, match=r"Private methods|cannot be called remotely|AccessError"):
        external(site.url, site.name, "admin", "admin", "quelyos.cache", method, *arguments)
    assert redis.execute("GET", SITEMAP) == b"5"
