"""What the shop's code imported, on a real server: the same answers, with what was broken mended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test.utils import override_settings

from hitrate.layouts import django_ecommerce as shop
from hitrate.layouts.django_ecommerce import redis_client
from hitrate.layouts.entry import Event
from hitrate.testing import Endpoint, Server, free_port

OURS = "hitrate.django.RedisCache"


@pytest.fixture
def both(server: Endpoint, prefix: str) -> Iterator[str]:
    """Our backend as ``default``, and as ``before`` theirs, on the same keys; gives what these begin with."""
    ours = {"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": prefix, "OPTIONS": {"TIMEOUT": 10}}
    theirs = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix}
    with override_settings(CACHES={"default": ours, "before": theirs}):
        yield f"{prefix}:1:"


def test_keys_have_prefix_and_version_in_every_method(both: str, server: Endpoint) -> None:
    assert redis_client.set("views:5", 7, None)
    assert redis_client.get_ttl("views:5") == -1
    assert redis_client.expire("views:5", 60)
    assert 55 <= (redis_client.get_ttl("views:5") or 0) <= 60
    assert redis_client.incr("views:5", 3) == 10
    assert redis_client.get("views:5") == 10
    assert server.execute("GET", f"{both}views:5") == b"10"
    assert redis_client.clear_pattern("views:*") == 1
    assert redis_client.get_ttl("views:5") == -2


def test_a_counter_begins_at_nothing_and_lives_for_ever(both: str) -> None:
    assert [redis_client.incr("new", 2), redis_client.incr("new"), redis_client.incr("new", -5)] == [2, 3, -2]
    assert redis_client.get_ttl("new") == -1


def test_a_lifetime_of_nothing_deletes(both: str) -> None:
    assert redis_client.set("a", {"b": 1})
    assert not redis_client.set("a", {"b": 2}, 0)
    assert not redis_client.exists("a")
    assert redis_client.get("a", "nothing") == "nothing"


def test_deleting_is_true_even_if_there_was_nothing(both: str) -> None:
    assert redis_client.delete("absent")
    assert not redis_client.expire("absent", 60)
    assert redis_client.ping()


def test_old_workers_and_new_ones_read_each_other(both: str) -> None:
    product = {"id": 5, "name": "Café", "tags": ["a", None]}
    caches["before"].set("product:5", '{"id": 5, "price": 19.9}', 900)
    assert shop.get_cached_product(5) == {"id": 5, "price": 19.9}
    assert shop.cache_product(5, product)
    stored = caches["before"].get("product:5")
    assert stored == '{"id": 5, "name": "Caf\\u00e9", "tags": ["a", null]}'
    assert redis_client.clear_pattern("product:*") == 1
    assert caches["before"].get("product:5") is None


def test_text_that_is_json_is_read_as_what_it_says(both: str) -> None:
    for text, expected in {"123": 123, "[1": "[1", "": "", "true": True, "Tea": "Tea"}.items():
        assert redis_client.set("text", text)
        assert redis_client.get("text") == expected


def test_one_user_is_cleared_and_no_other(both: str) -> None:
    kept = ["cart:user:91", "cart:user:19", "cart:user:*", "user:91:orders", "sessions"]
    for key in ["cart:user:9", "user:9:orders", "list:user:9:page:2", *kept]:
        redis_client.set(key, [1])
    assert shop.invalidate_user_cache("*") == 1
    assert redis_client.exists("cart:user:9")
    assert shop.invalidate_user_cache(9) == 3
    assert {key for key in kept if not redis_client.exists(key)} == {"cart:user:*"}


def test_ids_of_requests_stand_for_themselves(both: str) -> None:
    for pk in (5, 50):
        redis_client.set(f"product:{pk}", {"id": pk})
    assert shop.invalidate_product_cache("*") == 0
    assert shop.invalidate_product_cache("?0") == 0
    assert shop.invalidate_product_cache(5) == 1
    assert redis_client.exists("product:50")


EVENTS: dict[Event, Callable[[], object]] = {
    shop.PRODUCT_CREATED: shop.invalidate_product_cache,
    shop.PRODUCT_CHANGED: lambda: shop.invalidate_product_cache(5),
    shop.OTHER_PRODUCT_CHANGED: lambda: shop.invalidate_product_cache(6),
    shop.CATEGORY_CHANGED: shop.invalidate_category_cache,
    shop.COLORS_CHANGED: lambda: (shop.invalidate_product_cache(), redis_client.delete(shop.COLORS)),
    shop.USER_CHANGED: lambda: shop.invalidate_user_cache(5),
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_clears_the_entries_that_say_so_and_no_others(both: str, event: Event) -> None:
    keys = {entry.key.format(id=5, hash="2679a79d"): event in entry.cleared_by for entry in shop.ENTRIES}
    if event is shop.OTHER_PRODUCT_CHANGED:
        keys |= {key: True for key in keys if key.startswith("products:")}
    for key in keys:
        redis_client.set(key, [1])
    EVENTS[event]()
    assert {key: not redis_client.exists(key) for key in keys} == keys


@pytest.mark.usefixtures("_tables")
def test_nothing_is_cleared_before_the_commit(both: str) -> None:
    redis_client.set("products:list", [1])
    redis_client.set("categories:all", [1])
    with transaction.atomic():
        assert redis_client.clear_pattern("categories:*") == 0
        assert shop.invalidate_product_cache(5) is None
        assert redis_client.get("products:list") == redis_client.get("categories:all") == [1]
    assert redis_client.get("products:list") is redis_client.get("categories:all") is None


@pytest.mark.usefixtures("_tables")
def test_a_rollback_clears_nothing(both: str) -> None:
    redis_client.set("products:list", [1])
    with transaction.atomic():
        shop.invalidate_product_cache()
        shop.invalidate_category_cache()
        transaction.set_rollback(True)
    assert redis_client.get("products:list") == [1]


def test_the_keys_are_looked_for_in_steps(own_server: Server) -> None:
    default = {"BACKEND": OURS, "LOCATION": own_server.url, "KEY_PREFIX": "ecommerce"}
    with override_settings(CACHES={"default": default}):
        redis_client.set("products:list", [1])
        own_server.execute("CONFIG", "RESETSTAT")
        assert shop.invalidate_product_cache(5) == 1
        shop.invalidate_category_cache()
        redis_client.invalidate_user_cache(9)
    commands = own_server.execute("INFO", "commandstats").decode()
    assert "cmdstat_scan" in commands
    assert "cmdstat_keys" not in commands


def test_what_json_does_not_know_is_refused_and_logged(both: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not redis_client.set("at", {"at": datetime(2026, 1, 2, tzinfo=timezone.utc)})
    assert not redis_client.exists("at")
    assert "Redis SET error: Object of type datetime is not JSON serializable" in caplog.text


def test_a_counter_that_is_no_number_is_logged(both: str, caplog: pytest.LogCaptureFixture) -> None:
    redis_client.set("text", "seven")
    assert redis_client.incr("text") is None
    assert "Redis INCR error" in caplog.text


CALLS: dict[str, tuple[Callable[[], Any], Any]] = {
    "SET": (lambda: redis_client.set("a", 1), False),
    "GET": (lambda: redis_client.get("a", "nothing"), "nothing"),
    "DELETE": (lambda: redis_client.delete("a"), False),
    "EXISTS": (lambda: redis_client.exists("a"), False),
    "INCR": (lambda: redis_client.incr("a"), None),
    "EXPIRE": (lambda: redis_client.expire("a", 1), False),
    "CLEAR_PATTERN": (lambda: redis_client.clear_pattern("a*"), 0),
    "TTL": (lambda: redis_client.get_ttl("a"), None),
    "PING": (redis_client.ping, False),
}


@pytest.mark.parametrize("verb", CALLS)
def test_a_server_that_is_away_is_logged_never_raised_nor_printed(
    verb: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    call, expected = CALLS[verb]
    away = {"BACKEND": OURS, "LOCATION": f"redis://127.0.0.1:{free_port()}", "OPTIONS": {"ON_ERROR": "raise"}}
    with override_settings(CACHES={"default": away}), caplog.at_level(logging.ERROR):
        assert call() == expected
        assert shop.invalidate_product_cache(5) is None
    assert f"Redis {verb} error: " in caplog.text
    assert capsys.readouterr() == ("", "")


def test_the_raw_client_answers_in_text(both: str) -> None:
    raw: Any = redis_client.client
    raw.set(f"{both}x", "é")
    assert raw.get(f"{both}x") == "é"
    assert raw.keys(f"{both}*") == [f"{both}x"]
    raw.hset(f"{both}h", mapping={"a": "1"})
    assert raw.hgetall(f"{both}h") == {"a": "1"}
    assert raw.ttl(f"{both}x") == -1
    assert raw.info()["redis_version"]


@pytest.mark.parametrize(
    "default",
    [
        {"BACKEND": OURS, "LOCATION": "memory://redis-client"},
        {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "redis-client"},
    ],
    ids=["memory", "locmem"],
)
def test_values_are_kept_in_other_caches_too(default: dict[str, str]) -> None:
    with override_settings(CACHES={"default": default}):
        assert redis_client.set("a", {"b": [1]})
        assert redis_client.get("a") == {"b": [1]}
        assert redis_client.exists("a")
        assert redis_client.incr("n") == 1
        assert redis_client.delete("a")
        assert redis_client.get("a") is None
        if default["BACKEND"] == OURS:
            assert redis_client.get_ttl("n") == -1
            assert redis_client.clear_pattern("n*") == 1
            assert redis_client.ping()
