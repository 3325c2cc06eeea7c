"""Every verb of `hitrate.Cache` on one key, both forms, both protocols."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import (
    ConfigError,
    CounterError,
    CounterOverflowError,
    InvalidKeyError,
    MissingKeyError,
    NotANumberError,
    SerializationError,
    ServerResponseError,
)
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, MakeVerbs, Verbs

ON_EVERY_STORE = True

ABSENT = object()

INTEGERS = [0, -1, 7, 2**63 - 1, -(2**63), 2**63, 2**64, 10**100, -(10**100)]
JSON_VALUES = [
    None,
    True,
    False,
    1.5,
    -0.0,
    1e300,
    "",
    "text",
    "123",
    "null",
    "schön 🐘\n\x00",
    [1, [2, []], {}],
    {"a": {"b": [None, True, 2**70]}, "ü": "\u2028"},
]
PICKLE_VALUES = [
    *JSON_VALUES,
    b"",
    b"123",
    b"\x00\xff\r\n" * 3,
    (1, (2,)),
    {1, 2},
    Decimal("1.10"),
    datetime(2026, 1, 2, tzinfo=timezone.utc),
    "x" * 1_000_000,
]
KEYS = [
    "a",
    "with space",
    "line\nbreak\r\n",
    "nul\x00",
    "glob*[?]\\",
    "schlüssel-🐘",
    "{tag}:x",
    "%s",
    "k" * 10_000,
    "",
]


@pytest.mark.parametrize("value", INTEGERS + PICKLE_VALUES, ids=lambda value: repr(value)[:30])
async def test_a_value_comes_back_as_it_was(verbs: Verbs, value: Any) -> None:
    assert await verbs.set("k", value) is True
    found = await verbs.get("k", ABSENT)
    assert found == value
    assert type(found) is type(value)
    assert await verbs.get_many(["k"]) == {"k": value}


@pytest.mark.parametrize("value", INTEGERS + JSON_VALUES, ids=lambda value: repr(value)[:30])
async def test_a_json_value_comes_back_as_it_was(make_verbs: MakeVerbs, value: Any) -> None:
    verbs = make_verbs(serializer="json")
    assert await verbs.set("k", value) is True
    found = await verbs.get("k", ABSENT)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), Decimal(1), {"a": b""}], ids=lambda value: repr(value)[:12]
)
async def test_json_refuses_what_it_cannot_hold_and_does_not_show_it(make_verbs: MakeVerbs, value: Any) -> None:
    verbs = make_verbs(serializer="json")
    with pytest.raises(SerializationError, match=r"(?i)json") as caught:
        await verbs.set("k", value)
    assert repr(value) not in str(caught.value)
    assert await verbs.get("k", ABSENT) is ABSENT


async def test_pickle_refuses_what_it_cannot_hold(verbs: Verbs) -> None:
    with pytest.raises(SerializationError):
        await verbs.set("k", lambda: None)
    assert await verbs.get("k", ABSENT) is ABSENT


def test_stored_bytes_are_those_of_the_libraries_replaced(server: Endpoint, prefix: str, make_cache: MakeCache) -> None:
    pickling, json = make_cache(), make_cache(serializer="json")
    pickling.set("k", 5)
    assert server.execute("GET", f"{prefix}:k") == b"5"
    pickling.set("k", True)
    assert pickle.loads(server.execute("GET", f"{prefix}:k")) is True
    pickling.set("k", {"a": [1]})
    assert pickle.loads(server.execute("GET", f"{prefix}:k")) == {"a": [1]}
    json.set("k", {"ü": [1, 2.0, None], "b": "x/y"})
    assert server.execute("GET", f"{prefix}:k") == b'{"\\u00fc": [1, 2.0, null], "b": "x/y"}'


def test_without_a_prefix_the_key_stands_as_it_is(server: Endpoint, prefix: str, make_cache: MakeCache) -> None:
    make_cache(prefix="").set(f"{prefix}/bare", 1)
    assert server.execute("EXISTS", f"{prefix}/bare") == 1
    server.execute("DEL", f"{prefix}/bare")


@pytest.mark.parametrize("key", KEYS, ids=lambda key: repr(key)[:20])
async def test_any_text_is_a_key(verbs: Verbs, server: Endpoint, prefix: str, key: str) -> None:
    assert await verbs.set(key, "v") is True
    assert server.execute("EXISTS", f"{prefix}:{key}") == 1
    assert await verbs.get(key) == "v"
    assert await verbs.get_many([key]) == {key: "v"}
    assert await verbs.keys() == [key]
    assert await verbs.delete(key) is True
    assert await verbs.has(key) is False


@pytest.mark.parametrize("key", [1, None, b"k", "\ud800", ["k"]], ids=repr)
async def test_what_is_no_text_is_no_key(verbs: Verbs, key: Any) -> None:
    with pytest.raises(InvalidKeyError):
        await verbs.get(key)
    with pytest.raises(InvalidKeyError):
        await verbs.set(key, 1)
    with pytest.raises(InvalidKeyError):
        await verbs.get_many(["fine", key])


async def test_a_missing_key_gives_the_default(verbs: Verbs) -> None:
    assert await verbs.get("k") is None
    assert await verbs.get("k", 3) == 3
    assert await verbs.get("k", default=3) == 3
    assert await verbs.get_many(["k"]) == {}
    assert await verbs.has("k") is False
    assert await verbs.delete("k") is False


async def test_add_stores_only_what_is_missing(verbs: Verbs) -> None:
    assert await verbs.add("k", 1, 1000) is True
    assert await verbs.add("k", 2, 1000) is False
    assert await verbs.get("k") == 1
    assert 900 < await verbs.ttl("k") <= 1000


async def test_set_obeys_nx_and_xx(verbs: Verbs) -> None:
    assert await verbs.set("k", 1, xx=True) is False
    assert await verbs.has("k") is False
    assert await verbs.set("k", 1, nx=True) is True
    assert await verbs.set("k", 2, nx=True) is False
    assert await verbs.get("k") == 1
    assert await verbs.set("k", 3, ttl=1000, xx=True) is True
    assert await verbs.get("k") == 3
    with pytest.raises(ConfigError, match="nx"):
        await verbs.set("k", 4, nx=True, xx=True)


@pytest.mark.parametrize(
    ("ttl", "at_least_ms", "at_most_ms"),
    [
        (1000, 900_000, 1_000_000),
        (1000.5, 900_000, 1_000_500),
        (timedelta(minutes=20, milliseconds=1), 1_100_000, 1_200_001),
        (10**9, 999_900_000_000, 10**12),
    ],
)
async def test_a_lifetime_is_seconds_in_any_form(verbs: Verbs, ttl: Any, at_least_ms: int, at_most_ms: int) -> None:
    for store in (verbs.set, verbs.add):
        await verbs.delete("k")
        assert await store("k", 1, ttl) is True
        assert at_least_ms < await verbs.pttl("k") <= at_most_ms
    await verbs.set_many({"k": 2}, ttl)
    assert at_least_ms < await verbs.pttl("k") <= at_most_ms
    for extend in (verbs.touch, verbs.expire):
        await verbs.persist("k")
        assert await extend("k", ttl) is True
        assert at_least_ms < await verbs.pttl("k") <= at_most_ms


async def test_a_lifetime_below_a_millisecond_is_not_none_at_all(verbs: Verbs) -> None:
    await verbs.set("k", 1, 0.0000001)
    assert await verbs.ttl("k") is not None


async def test_the_lifetime_by_default_is_that_of_the_cache(make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(ttl=2000)
    await verbs.set("a", 1)
    await verbs.add("b", 1)
    await verbs.set_many({"c": 1})
    await verbs.get_or_set("d", 1)
    await verbs.set("e", 1, None)
    await verbs.touch("e")
    for key in "abcde":
        assert 1900 < await verbs.ttl(key) <= 2000, key
    forever = make_verbs(ttl=None)
    await forever.set("a", 1)
    assert await forever.ttl("a") is None


async def test_no_lifetime_means_for_ever(verbs: Verbs) -> None:
    await verbs.set("k", 1, None)
    assert await verbs.ttl("k") is None
    assert await verbs.pttl("k") is None
    await verbs.set("k", 1, 1000)
    assert await verbs.touch("k", None) is True
    assert await verbs.ttl("k") is None


@pytest.mark.parametrize("ttl", [0, -1, -0.5, timedelta(0), timedelta(seconds=-5)], ids=repr)
async def test_a_lifetime_of_nothing_deletes(verbs: Verbs, ttl: Any) -> None:
    for act in (lambda: verbs.set("k", 2, ttl), lambda: verbs.touch("k", ttl), lambda: verbs.expire("k", ttl)):
        await verbs.set("k", 1, None)
        await act()
        assert await verbs.has("k") is False
    await verbs.set("k", 1)
    await verbs.set_many({"k": 2}, ttl)
    assert await verbs.has("k") is False
    await verbs.add("k", 2, ttl)
    assert await verbs.has("k") is False


@pytest.mark.parametrize("ttl", ["60", math.nan, math.inf, 1e300, [], True], ids=repr)
async def test_what_is_no_lifetime_is_refused(verbs: Verbs, ttl: Any) -> None:
    with pytest.raises(ConfigError, match="ttl"):
        await verbs.set("k", 1, ttl)
    assert await verbs.has("k") is False


async def test_lifetimes_are_told_changed_and_taken_away(verbs: Verbs) -> None:
    assert await verbs.ttl("k") == 0
    assert await verbs.pttl("k") == 0
    assert await verbs.expire("k", 10) is False
    assert await verbs.touch("k", 10) is False
    assert await verbs.persist("k") is False
    await verbs.set("k", 1, 1000)
    assert 900 < await verbs.ttl("k") <= 1000
    assert await verbs.persist("k") is True
    assert await verbs.persist("k") is False
    assert await verbs.ttl("k") is None


@pytest.mark.parametrize("form", [lambda when: when, lambda when: when.timestamp(), lambda when: int(when.timestamp())])
async def test_expire_at_takes_a_moment(verbs: Verbs, form: Callable[[datetime], Any]) -> None:
    soon = datetime.now(timezone.utc) + timedelta(seconds=1000)
    assert await verbs.expire_at("k", form(soon)) is False
    await verbs.set("k", 1, None)
    assert await verbs.expire_at("k", form(soon)) is True
    assert 900 < await verbs.ttl("k") <= 1000
    assert await verbs.expire_at("k", form(soon - timedelta(days=1))) is True
    assert await verbs.has("k") is False


async def test_counting_counts_and_keeps_the_lifetime(verbs: Verbs) -> None:
    await verbs.set("k", 10, 1000)
    assert await verbs.incr("k") == 11
    assert await verbs.incr("k", 5) == 16
    assert await verbs.decr("k") == 15
    assert await verbs.decr("k", 20) == -5
    assert await verbs.incr("k", -5) == -10
    assert await verbs.incr("k", delta=2**62) == 2**62 - 10
    assert await verbs.get("k") == 2**62 - 10
    assert 900 < await verbs.ttl("k") <= 1000


async def test_counting_what_cannot_be_counted_says_why(verbs: Verbs) -> None:
    for count in (verbs.incr, verbs.decr):
        with pytest.raises(MissingKeyError, match=":k'"):
            await count("k")
        assert await verbs.has("k") is False
        await verbs.set("text", "abc")
        with pytest.raises(NotANumberError, match=":text'"):
            await count("text")
        await verbs.set("huge", 2**64)
        with pytest.raises(CounterError, match=":huge'"):
            await count("huge")
        assert await verbs.get("huge") == 2**64
    await verbs.set("k", 2**63 - 1)
    with pytest.raises(CounterOverflowError):
        await verbs.incr("k")
    await verbs.set("k", -(2**63))
    with pytest.raises(CounterOverflowError):
        await verbs.decr("k")
    with pytest.raises(CounterOverflowError):
        await verbs.incr("k", 2**63)
    assert await verbs.get("k") == -(2**63)


def test_counting_is_atomic(cache: hitrate.Cache) -> None:
    cache.set("k", 0)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: cache.incr("k"), range(1000)))
    assert sorted(found) == list(range(1, 1001))


async def test_get_or_set_computes_once(verbs: Verbs) -> None:
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return 42

    assert await verbs.get_or_set("k", compute, 1000) == 42
    assert await verbs.get_or_set("k", compute, 1000) == 42
    assert len(calls) == 1
    assert 900 < await verbs.ttl("k") <= 1000
    assert await verbs.get_or_set("plain", "value") == "value"
    assert await verbs.get("plain") == "value"
    await verbs.set("none", None)
    assert await verbs.get_or_set("none", 1) is None


async def test_an_error_of_the_computation_is_the_callers(verbs: Verbs) -> None:
    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await verbs.get_or_set("k", fail)
    assert await verbs.has("k") is False


async def test_execute_gives_the_raw_reply(verbs: Verbs, prefix: str) -> None:
    key = f"{prefix}:raw"
    assert await verbs.execute("SET", key, b"\x00\xff") in (b"OK", "OK", True)
    assert await verbs.execute("GET", key) == b"\x00\xff"
    assert await verbs.execute("GET", f"{key}:none") is None
    assert await verbs.execute("STRLEN", key) == 2
    assert await verbs.execute("MGET", key, f"{key}:none") == [b"\x00\xff", None]
    assert await verbs.execute("DEL", key) == 1
    with pytest.raises(ServerResponseError, match="unknown command"):
        await verbs.execute("NOSUCH")


async def test_a_lifetime_may_be_changed_under_conditions(verbs: Verbs, prefix: str) -> None:
    key = f"{prefix}:raw"
    await verbs.execute("SET", key, "v")
    try:
        await verbs.execute("EXPIRE", f"{key}:none", 100, "GT")
    except ServerResponseError as refusal:
        if "wrong number of arguments" not in str(refusal):
            raise
        pytest.skip("this server's EXPIRE takes no conditions, as those from Redis 7 on do")
    for changed, *command in [
        (0, "EXPIRE", key, 100, "GT"),
        (0, "EXPIRE", key, 100, "XX"),
        (1, "EXPIRE", key, 100, "LT"),
        (0, "EXPIRE", key, 50, "GT"),
        (1, "PEXPIRE", key, 200_000, "gt"),
        (0, "EXPIRE", key, 300, "NX"),
        (1, "EXPIRE", key, 50, "LT"),
        (1, "EXPIREAT", key, 4_000_000_000, "XX"),
        (0, "EXPIRE", f"{key}:none", 50),
    ]:
        assert await verbs.execute(*command) == changed, command


async def test_execute_speaks_of_other_types_too(verbs: Verbs, server: Endpoint, prefix: str) -> None:
    key = f"{prefix}:raw"
    server.execute("RPUSH", key, "0")
    assert await verbs.execute("RPUSH", key, 1, 2.5, "ü") == 4
    assert await verbs.execute("LPOP", key) == b"0"
    assert await verbs.execute("LRANGE", key, 0, -1) == [b"1", b"2.5", "ü".encode()]
    with pytest.raises(ServerResponseError, match="WRONGTYPE"):
        await verbs.execute("GET", key)
    with pytest.raises(ServerResponseError, match="WRONGTYPE"):
        await verbs.get("raw")


async def test_statistics_count_what_was_done(verbs: Verbs) -> None:
    await verbs.get("k")
    await verbs.set("k", 1)
    await verbs.get("k")
    await verbs.get_many(["k", "absent"])
    await verbs.delete("k")
    found = await verbs.stats()
    assert (found["hits"], found["misses"], found["sets"], found["deletes"]) == (2, 2, 1, 1)


async def test_server_info_tells_of_the_server(verbs: Verbs, server: Endpoint) -> None:
    found, info = await verbs.server_info(), server.info()
    version = "redis_version" if "redis_version" in info else "hitrate_version"
    assert found[version] == info[version]


def test_a_closed_cache_can_be_closed_again(make_cache: MakeCache) -> None:
    cache = make_cache()
    cache.set("k", 1)
    cache.close()
    cache.close()
