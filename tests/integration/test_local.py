"""The local cache: what it answers, when it forgets, and whose objects it gives away."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.testing import Endpoint, Server
from tests.faults.conftest import until
from tests.integration.conftest import Verbs

# No copy becomes too old by itself within a test.
LONG = 3600.0
MakeCache = Callable[..., hitrate.Cache]


@pytest.fixture(params=[True, False], ids=["tracking", "microcache"])
def local(request: pytest.FixtureRequest) -> hitrate.Local:
    """A local cache of each kind, whose copies do not become too old."""
    return hitrate.Local(max_staleness=LONG, tracking=request.param)


@pytest.fixture
def near(make_cache: MakeCache, local: hitrate.Local) -> hitrate.Cache:
    """A cache with a local one."""
    return make_cache(local=local)


@pytest.fixture
def other(make_cache: MakeCache) -> hitrate.Cache:
    """Somebody else, on the same keys."""
    return make_cache()


@pytest.fixture
def tracked(make_cache: MakeCache) -> hitrate.Cache:
    """A cache with a local one, whose feed has begun."""
    return listening(make_cache(local=hitrate.Local(max_staleness=LONG)))


def listening(cache: hitrate.Cache) -> hitrate.Cache:
    """Wait until the feed has begun."""
    cache.get("nothing")
    until(lambda: figures(cache)["feed"]["fresh"], "the feed has begun")
    return cache


def figures(cache: hitrate.Cache) -> dict[str, Any]:
    found: dict[str, Any] = cache.stats()["local"]
    return found


def hits(cache: hitrate.Cache) -> int:
    found: int = figures(cache)["hits"]
    return found


@dataclass
class Point:
    """Something that only pickle knows."""

    x: int


SHARED = [
    7,
    -(10**40),
    1.5,
    True,
    None,
    "text",
    "texté€🎉" * 30,
    b"bytes",
    decimal.Decimal("12.50"),
    dt.date(2026, 11, 26),
    dt.datetime(2026, 11, 26, 12, 30, tzinfo=dt.timezone.utc),
    dt.timedelta(seconds=3),
    dt.time(12, 30),
    uuid.UUID(int=7),
    (1, ("two", b"three")),
    frozenset({1, 2}),
    complex(1, 2),
]
COPIED = [
    [],
    {},
    [1, "two", [3, [4]]],
    {"a": 1, "b": {"c": [1, {"d": 2}]}, ("t", 1): None},
    {1, 2, 3},
    ([1], {"a": [2]}),
    bytearray(b"bytes"),
    [{"id": number, "name": f"name {number}", "tags": ["a", "b"]} for number in range(50)],
]
STORED = [Point(1), [Point(1)], {"a": Point(2)}, range(3)]


@pytest.mark.parametrize("value", [*SHARED, *COPIED, *STORED], ids=lambda value: repr(value)[:30])
def test_a_second_read_is_answered_here_with_an_equal_value(near: hitrate.Cache, value: Any) -> None:
    near.set("k", value)
    first = near.get("k")
    second = near.get("k")
    assert (first, second) == (value, value)
    assert (type(first), type(second)) == (type(value), type(value))
    assert hits(near) == 1


@pytest.mark.parametrize("value", COPIED + STORED[:3], ids=lambda value: repr(value)[:30])
def test_whoever_changes_his_copy_harms_nobody(near: hitrate.Cache, value: Any) -> None:
    near.set("k", value)
    for _ in range(3):
        spoil(near.get("k"))
        assert near.get("k") == value
    assert hits(near) == 5


def spoil(value: Any) -> None:
    """Change everything in it that can be changed."""
    if isinstance(value, dict):
        for part in value.values():
            spoil(part)
        value.clear()
        value["spoilt"] = True
    elif isinstance(value, list):
        for part in value:
            spoil(part)
        value.append("spoilt")
    elif isinstance(value, tuple):
        for part in value:
            spoil(part)
    elif isinstance(value, set):
        value.add("spoilt")
    elif isinstance(value, bytearray):
        value.extend(b"spoilt")
    elif isinstance(value, Point):
        value.x = -1


def test_one_object_in_two_places_stays_one(near: hitrate.Cache) -> None:
    part = [1]
    near.set("k", [part, part])
    near.get("k")
    found = near.get("k")
    assert found[0] is found[1]
    assert hits(near) == 1


def test_what_refers_to_itself_and_what_is_deep_is_read_as_it_is(near: hitrate.Cache) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    near.set("loop", loop)
    near.set("deep", deep)
    for _ in range(2):
        found = near.get("loop")
        assert found[1] is found
        assert near.get("deep") == deep
    assert hits(near) == 2


def test_odd_relatives_of_plain_types_keep_their_type(near: hitrate.Cache) -> None:
    near.set("k", [Text("text"), {"n": Number(5)}])
    near.get("k")
    found = near.get("k")
    assert (type(found[0]), type(found[1]["n"])) == (Text, Number)


class Text(str):
    """A string, and more."""

    __slots__ = ()


class Number(int):
    """A number, and more."""


def test_who_asks_for_it_gets_the_object_that_everybody_gets(near: hitrate.Cache) -> None:
    near.set("k", {"a": [1]})
    near.get("k")
    assert near.get("k", shared=True) is near.get("k", shared=True)
    assert near.get("k") is not near.get("k", shared=True)
    assert asyncio.run(near.aget("k", shared=True)) is near.get("k", shared=True)


@pytest.mark.parametrize(
    "write",
    [
        lambda cache: cache.set("k", "new"),
        lambda cache: cache.set_many({"k": "new", "l": 1}),
        lambda cache: cache.delete("k"),
        lambda cache: cache.delete_many(["k", "l"]),
        lambda cache: cache.delete_pattern("k*"),
        lambda cache: cache.clear(),
        lambda cache: cache.incr("k"),
        lambda cache: cache.expire("k", 0),
        lambda cache: cache.touch("k", 0),
        lambda cache: cache.invalidate(keys=["k"]),
        lambda cache: cache.invalidate(pattern="k*"),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("twins", [False, True], ids=["sync", "async"])
async def test_own_writes_are_seen_at_once(near: hitrate.Cache, other: hitrate.Cache, write: Any, twins: bool) -> None:
    other.set("k", 1)
    verbs = Verbs(near, twins=twins)
    assert (await verbs.get("k"), await verbs.get("k")) == (1, 1)
    await write(verbs)
    assert await verbs.get("k") == other.get("k") != 1


def test_no_copy_is_trusted_after_a_command_of_the_callers_own(near: hitrate.Cache) -> None:
    near.set("k", 1)
    assert (near.get("k"), near.get("k")) == (1, 1)
    assert near.execute("GET", near.make_key("k")) == b"1"
    assert figures(near)["entries"] == 1
    near.execute("APPEND", near.make_key("k"), "2")
    assert near.get("k") == 12


def test_own_writes_are_seen_by_other_threads(near: hitrate.Cache) -> None:
    wrong = []

    def read(number: int) -> None:
        found = near.get("k")
        if found is None or found < number:
            wrong.append((found, number))

    for number in range(200):
        near.set("k", number)
        threads = [threading.Thread(target=read, args=(number,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_the_server_says_what_others_write(tracked: hitrate.Cache, other: hitrate.Cache) -> None:
    for number in range(100):
        other.set("k", number)
        until(lambda number=number: tracked.get("k") == number, "the write is seen")
    found = figures(tracked)
    assert found["invalidations"] >= 100
    assert found["feed"]["age"] is not None


def test_a_microcache_serves_a_copy_while_it_is_young(make_cache: MakeCache, other: hitrate.Cache) -> None:
    cache = make_cache(local=hitrate.Local(max_staleness=0.05, tracking=False))
    other.set("k", 1)
    assert cache.get("k") == 1
    other.set("k", 2)
    until(lambda: cache.get("k") == 2, "the copy is too old")
    assert figures(cache)["feed"] == {"fresh": False, "listening": False, "age": None, "lost": None}


def test_flushing_the_database_empties_it(tracked: hitrate.Cache, start_server: Callable[..., Server]) -> None:
    server = start_server()
    cache = hitrate.Cache(server.url, prefix="p", local=hitrate.Local(max_staleness=LONG))
    try:
        listening(cache)
        cache.set("k", 1)
        assert (cache.get("k"), cache.get("k")) == (1, 1)
        server.execute("FLUSHDB")
        until(lambda: cache.get("k") is None, "the flush is heard of")
        assert figures(cache)["resets"]["flush"] == 1
    finally:
        cache.close()


def test_a_copy_ends_with_the_value(near: hitrate.Cache) -> None:
    near.set("k", 1, 0.2)
    assert (near.get("k"), near.get("k")) == (1, 1)
    until(lambda: near.get("k") is None, "the lifetime is over")


def test_a_copy_lives_no_longer_than_it_may(make_cache: MakeCache, other: hitrate.Cache) -> None:
    cache = make_cache(local=hitrate.Local(max_staleness=LONG, max_ttl=0.05, tracking=False))
    other.set("k", 1)
    assert cache.get("k") == 1
    other.set("k", 2)
    until(lambda: cache.get("k") == 2, "its lifetime is over")


def test_sessions_throttles_and_locks_are_not_held(near: hitrate.Cache, make_cache: MakeCache) -> None:
    for key in ("django.contrib.sessions.cacheabc", "throttle_anon_1", "lock:x", "rate:login:1", "view_count:1:2"):
        near.set(key, 1)
        near.get(key)
        near.get(key)
    assert (hits(near), figures(near)["entries"]) == (0, 0)
    cache = make_cache(local=hitrate.Local(exclude=["mine:"]), critical=["dear:"])
    for key in ("mine:1", "dear:1", "throttle_1"):
        cache.set(key, 1)
        cache.get(key)
        cache.get(key)
    assert hits(cache) == 0


def test_that_there_is_no_value_is_known_where_that_is_wanted(make_cache: MakeCache, other: hitrate.Cache) -> None:
    cache = listening(make_cache(local=hitrate.Local(max_staleness=LONG, negative=True)))
    before = hits(cache)
    assert [cache.get("k", "none") for _ in range(3)] == ["none"] * 3
    assert hits(cache) == before + 2
    other.set("k", 1)
    until(lambda: cache.get("k") == 1, "it is heard that there is one now")


def test_many_are_read_here_and_the_rest_from_the_server(near: hitrate.Cache) -> None:
    near.set_many({"a": [1], "b": 2, "c": "3"})
    assert near.get("a") == [1]
    before = near.stats()["round_trips"]
    assert near.get_many(["a", "b", "c", "d"]) == {"a": [1], "b": 2, "c": "3"}
    assert near.stats()["round_trips"] == before + 1
    assert near.get_many(["a", "b", "c"]) == {"a": [1], "b": 2, "c": "3"}
    assert asyncio.run(near.aget_many(["a", "b", "c"])) == {"a": [1], "b": 2, "c": "3"}
    assert near.stats()["round_trips"] == before + 1
    assert (near.stats()["hits"], near.stats()["misses"]) == (10, 1)


def test_signed_values_are_verified_before_they_are_held(make_cache: MakeCache, other: hitrate.Cache) -> None:
    cache = make_cache(local=hitrate.Local(max_staleness=LONG), signing_keys=["sixteen bytes or more"])
    other.set("k", "not signed")
    assert [cache.get("k"), cache.get("k")] == [None, None]
    cache.set("k", ["signed"])
    assert [cache.get("k"), cache.get("k")] == [["signed"], ["signed"]]
    assert figures(cache)["entries"] == 1


def test_it_stays_within_its_bound(make_cache: MakeCache) -> None:
    cache = make_cache(local=hitrate.Local(max_staleness=LONG, max_bytes=1 << 20))
    keys = [f"k{number}" for number in range(200)]
    cache.set_many(dict.fromkeys(keys, "x" * 20_000))
    for key in keys * 2:
        cache.get(key)
    found = figures(cache)
    assert 0 < found["bytes"] <= found["max_bytes"] == 1 << 20
    assert found["evicted"] > 100


def test_a_closed_cache_holds_nothing_and_starts_afresh(tracked: hitrate.Cache, server: Endpoint) -> None:
    tracked.set("k", 1)
    assert (tracked.get("k"), tracked.get("k")) == (1, 1)
    tracked.close()
    assert (figures(tracked)["entries"], figures(tracked)["feed"]["listening"]) == (0, False)
    listening(tracked)
    assert (tracked.get("k"), tracked.get("k")) == (1, 1)


def test_without_it_there_is_neither_thread_nor_connection(other: hitrate.Cache) -> None:
    before = threads()
    other.get("k")
    assert other.stats()["local"] is None
    # Of tests before, some may end meanwhile.
    assert threads() <= before


def threads() -> set[Path]:
    """This process's threads, those that Python does not know included."""
    return set(Path("/proc/self/task").iterdir())


def test_it_is_not_made_where_the_store_is_in_this_process() -> None:
    cache = hitrate.Cache("memory://local-test", local=True)
    assert cache.stats()["local"] is None


def test_a_server_without_tracking_is_said_and_served_without(
    start_server: Callable[..., Server], make_cache: MakeCache
) -> None:
    server = start_server()
    server.execute(
        "ACL", "SETUSER", "plain", "on", "nopass", "~*", "+get", "+set", "+pttl", "+ping", "+hello", "+select"
    )
    url = server.url.replace("redis://", "redis://plain:x@")
    cache = make_cache(url, local=hitrate.Local(max_staleness=LONG))
    cache.set("k", 1)
    assert (cache.get("k"), cache.get("k")) == (1, 1)
    until(lambda: figures(cache)["feed"]["lost"], "the refusal is known")
    assert "NOPERM" in figures(cache)["feed"]["lost"]
    assert figures(cache)["resets"]["refused"] == 1
