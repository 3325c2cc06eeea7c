"""Administration of the cache: who may, what it says, and that nobody reaches it over RPC."""

from __future__ import annotations

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError, external
from tests.with_odoo.site import Site
from tests.with_odoo.test_products import details, keys

STATS, CLEAR, WARMUP = (f"/api/ecommerce/cache/{name}" for name in ("stats", "clear", "warmup"))
METHODS = {
    "get": ["k"],
    "set": ["k", 1],
    "delete": ["k"],
    "delete_pattern": ["*"],
    "exists": ["k"],
    "incr": ["k"],
    "expire": ["k", 1],
    "flush_all": [],
    "_attempt": ["GET", None, None],
    "_statistics": [],
}


@pytest.fixture(scope="session")
def portal(site: Site, admin: Browser) -> Browser:
    """A user of the portal."""
    group = admin.kw("ir.model.data", "check_object_reference", "base", "group_portal")[1]
    values = {"name": "Portal", "login": "portal", "password": "portal-portal", "group_ids": [(6, 0, [group])]}
    found = admin.kw("res.users", "search", [["login", "=", "portal"]])
    if not found:
        admin.kw("res.users", "create", values)
    return site.browser().login("portal", "portal-portal")


@pytest.mark.parametrize("method", METHODS)
def test_nobody_calls_the_model_over_rpc(
    site: Site, admin: Browser, portal: Browser, redis: Server, method: str
) -> None:
    redis.execute("SET", "k", "5")
    for browser in (portal, admin):
        with pytest.raises(RefusedError, match=r"AccessError|Private|private"):
            browser.kw("redis.cache", method, *METHODS[method])
    for login, password in (("portal", "portal-portal"), ("admin", "admin")):
        with pytest.raises(Exception, match=r"Private methods|cannot be called remotely|AccessError"):
            external(site.url, site.name, login, password, "redis.cache", method, *METHODS[method])
    assert redis.execute("GET", "k") == b"5"


@pytest.mark.parametrize("path", [STATS, CLEAR, WARMUP])
def test_only_administrators_administer(site: Site, portal: Browser, redis: Server, path: str) -> None:
    redis.execute("SET", "product:api:1", "{}")
    with pytest.raises(RefusedError, match="SessionExpired"):
        site.browser().call(path)
    assert portal.call(path) == {"success": False, "error": "Unauthorized"}
    assert redis.execute("EXISTS", "product:api:1") == 1


def test_statistics_have_the_originals_shape(admin: Browser, redis: Server) -> None:
    redis.execute("SET", "product:api:1", "{}")
    answer = admin.call(STATS)
    assert answer["success"] is True
    data = answer["data"]
    assert sorted(data) == ["connected_clients", "enabled", "total_keys", "uptime_days", "used_memory"]
    assert (data["enabled"], data["total_keys"], data["uptime_days"]) == (True, 1, 0)
    assert data["used_memory"].endswith(("K", "M", "G"))


@pytest.mark.parametrize("where", ["params", "body"])
def test_a_pattern_clears_what_it_says(admin: Browser, redis: Server, where: str) -> None:
    for key in ("product:api:1", "product:seo:1", "products:list:x", "search:x", "sessions:x"):
        redis.execute("SET", key, "1")
    given = {"pattern": "product:*"}
    answer = admin.call(CLEAR, **given) if where == "params" else admin.call(CLEAR, top_level=given)
    assert answer == {"success": True, "message": "Cache cleared for pattern: product:*"}
    assert [key for key in keys(redis, "*") if not key.startswith("hitrate:")] == [
        "products:list:x",
        "search:x",
        "sessions:x",
    ]


def test_clearing_everything_leaves_other_keys_alone(site: Site, admin: Browser, redis: Server, product: int) -> None:
    site.browser().call(details(product))
    for key in ("category:5", "analytics:x", "facets:x", "recommendations:x", "sessions:x"):
        redis.execute("SET", key, "1")
    assert admin.call(CLEAR, top_level={}) == {"success": True, "message": "All e-commerce cache cleared"}
    assert [key for key in keys(redis, "*") if not key.startswith("hitrate:")] == ["sessions:x"]


def test_warming_up_makes_the_next_visitor_s_answers_hits(site: Site, admin: Browser, product: int) -> None:
    # The first of the shop, so that it is popular.
    admin.kw("product.template", "write", [product], {"website_sequence": -1_000_000 - product})
    mark = site.mark()
    answer = admin.call(WARMUP)
    assert answer["success"] is True
    count = int(answer["message"].removeprefix("Cache warmed up with ").removesuffix(" products"))
    assert count >= 1
    assert site.lines(f"Cache warmup: {count} of {count} products", mark)
    assert site.browser().call(details(product))["cached"] is True


def test_changed_parameters_are_seen_without_a_restart(site: Site, admin: Browser, redis: Server, product: int) -> None:
    admin.kw("ir.config_parameter", "set_param", "redis.db", "3")
    try:
        for _ in range(8):  # both workers
            site.browser().call(details(product))
        assert keys(redis, "product:*") == []
        assert redis.execute("INFO", "keyspace").decode().count("db3:keys=") == 1
    finally:
        admin.kw("ir.config_parameter", "set_param", "redis.db", False)
    assert site.browser().call(details(product))["cached"] is False
    assert len(keys(redis, "product:*")) == 1


def test_the_settings_view_tests_the_connection(admin: Browser, redis: Server) -> None:
    assert "redis_host" in admin.kw("res.config.settings", "get_view", view_type="form")["arch"]
    menu = admin.kw("ir.ui.menu", "search_read", [["name", "=", "Redis Cache"]], ["complete_name", "action"])
    assert [found["complete_name"].endswith("Configuration/eCommerce/Redis Cache") for found in menu] == [True]
    values = {"redis_host": redis.host, "redis_port": redis.port}
    # Saving other settings does not overrule the environment.
    admin.kw("res.config.settings", "execute", [admin.kw("res.config.settings", "create", {})])
    assert admin.kw("ir.config_parameter", "get_param", "redis.host") is False
    settings = admin.kw("res.config.settings", "create", values)
    try:
        done = admin.kw("res.config.settings", "action_test_redis", [settings])
        assert done["params"]["message"].startswith("Connected to Redis ")
        wrong = admin.kw("res.config.settings", "create", {"redis_host": redis.host, "redis_port": 1})
        with pytest.raises(RefusedError, match="Redis cannot be reached"):
            admin.kw("res.config.settings", "action_test_redis", [wrong])
    finally:
        for name in ("host", "port", "db"):
            admin.kw("ir.config_parameter", "set_param", f"redis.{name}", False)


def test_only_administrators_read_the_settings_or_test_the_connection(
    site: Site, admin: Browser, portal: Browser
) -> None:
    settings = admin.kw("res.config.settings", "create", {})
    refused = r"AccessError"
    for method, arguments in (
        ("action_test_redis", [[settings]]),
        ("create", [{"redis_host": "evil.test"}]),
        ("read", [[settings], ["redis_password"]]),
    ):
        with pytest.raises(RefusedError, match=refused):
            portal.kw("res.config.settings", method, *arguments)
    # Odoo itself gives away what parameters hold, to whoever asks for defaults.
    fields = [name for name in admin.kw("res.config.settings", "fields_get") if name.startswith("redis_")]
    assert len(fields) == 11
    assert set(fields) <= set(admin.kw("res.config.settings", "default_get", fields))
    assert portal.kw("res.config.settings", "default_get", fields) == {}
    with pytest.raises(RefusedError, match=refused):
        portal.kw("ir.config_parameter", "get_param", "redis.password")


@pytest.mark.parametrize("model", ["ecommerce.producer", "ecommerce.catalogue"])
def test_nobody_computes_answers_over_rpc(admin: Browser, portal: Browser, model: str) -> None:
    for browser in (portal, admin):
        for method in ("_details", "_list", "_domain", "modified"):
            with pytest.raises(RefusedError, match=r"AccessError|Private|private"):
                browser.kw(model, method, 1)


@pytest.mark.parametrize("pattern", ["[", "\\", "*:" * 500, "\ud800", "*\0"])
def test_strange_patterns_clear_what_they_match_and_break_nothing(admin: Browser, redis: Server, pattern: str) -> None:
    redis.execute("SET", "product:api:1", "1")
    assert set(admin.call(CLEAR, pattern=pattern)) <= {"success", "message", "error"}
    assert redis.execute("EXISTS", "product:api:1") == 1
    for wrong in (["product:*"], {"a": 1}, 5, True):
        assert admin.call(CLEAR, pattern=wrong) == {"success": False, "error": "Invalid parameters"}
    assert redis.execute("EXISTS", "product:api:1") == 1


def test_the_settings_are_in_french_and_english(admin: Browser) -> None:
    wizard = admin.kw("base.language.install", "create", {"lang_ids": [(6, 0, french(admin))]})
    admin.kw("base.language.install", "lang_install", [wizard])
    for lang, words in (("en_US", "Test the connection"), ("fr_FR", "Tester la connexion")):
        assert words in admin.kw("res.config.settings", "get_view", view_type="form", context={"lang": lang})["arch"]
        fields = admin.kw("res.config.settings", "fields_get", ["redis_host"], context={"lang": lang})
        assert fields["redis_host"]["string"] == {"en_US": "Redis host", "fr_FR": "Hôte Redis"}[lang]


def french(admin: Browser) -> list[int]:
    """The French language, installed or not."""
    found: list[int] = admin.kw("res.lang", "search", [["code", "=", "fr_FR"]], context={"active_test": False})
    return found
