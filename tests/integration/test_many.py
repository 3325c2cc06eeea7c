"""Verbs on many keys: batches, iteration, patterns, clearing."""

from __future__ import annotations

from typing import Any

import pytest

from hitrate.exceptions import ConfigError, SerializationError
from hitrate.testing import Endpoint, Server
from tests.integration.conftest import MakeCache, MakeVerbs, Verbs

ON_EVERY_STORE = True

MANY = 10_000


async def test_ten_thousand_keys_go_and_come_in_chunks(verbs: Verbs) -> None:
    values = {f"k{number}": number if number % 2 else {"n": number} for number in range(MANY)}
    assert await verbs.set_many(values, 1000) == []
    assert await verbs.get_many(values) == values
    assert await verbs.get_many([*values, "absent"]) == values
    assert 900 < await verbs.ttl(f"k{MANY - 1}") <= 1000
    assert len(await verbs.keys()) == MANY
    assert set(await verbs.iter_keys(itersize=100)) == set(values)
    assert await verbs.delete_many([*values, "absent"]) == MANY
    assert await verbs.get_many(values) == {}


async def test_large_values_go_and_come_in_one_batch(verbs: Verbs, store: str) -> None:
    if store == "memory":
        # What other tests left in this process may be kept in the place of these.
        await verbs.execute("FLUSHDB")
    values = {f"k{number}": bytes([number]) * 1_000_000 for number in range(20)}
    assert await verbs.set_many(values) == []
    assert await verbs.get_many(values) == values


async def test_batches_of_nothing_are_fine(verbs: Verbs) -> None:
    assert await verbs.get_many([]) == {}
    assert await verbs.set_many({}) == []
    assert await verbs.delete_many([]) == 0


async def test_keys_may_come_from_any_iterable_and_twice(verbs: Verbs) -> None:
    await verbs.set_many({"a": 1, "b": 2})
    assert await verbs.get_many(key for key in "abc") == {"a": 1, "b": 2}
    assert await verbs.get_many(("a", "a")) == {"a": 1}
    assert await verbs.delete_many({"a", "b"}) == 2


async def test_get_many_keeps_the_order_asked_for(verbs: Verbs) -> None:
    await verbs.set_many({key: key for key in "edcba"})
    assert list(await verbs.get_many("bdxa")) == ["b", "d", "a"]


async def test_a_batch_with_a_value_that_cannot_be_stored_stores_nothing(make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(serializer="json")
    with pytest.raises(SerializationError, match="set"):
        await verbs.set_many({"a": 1, "b": {1, 2}})
    assert await verbs.keys() == []


async def test_a_key_of_another_type_is_missing_in_a_batch(verbs: Verbs, server: Endpoint, prefix: str) -> None:
    server.execute("RPUSH", f"{prefix}:list", "x")
    await verbs.set_many({"a": 1, "b": 2})
    assert await verbs.get_many(["a", "list", "b"]) == {"a": 1, "b": 2}
    assert await verbs.get("a") == 1


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("*", {"user:1", "user:2", "user:10", "shop[1]", "a*b", "axb"}),
        ("user:*", {"user:1", "user:2", "user:10"}),
        ("user:?", {"user:1", "user:2"}),
        ("user:[13]", {"user:1"}),
        (r"a\*b", {"a*b"}),
        ("a*b", {"a*b", "axb"}),
        (r"shop\[1\]", {"shop[1]"}),
        ("shop[1]", set()),
        ("user:1", {"user:1"}),
        ("nothing*", set()),
        ("", set()),
    ],
)
async def test_patterns_find_and_delete_what_they_match(verbs: Verbs, pattern: str, matching: set[str]) -> None:
    everything = {"user:1", "user:2", "user:10", "shop[1]", "a*b", "axb"}
    await verbs.set_many(dict.fromkeys(everything, 1))
    assert set(await verbs.keys(pattern)) == matching
    assert set(await verbs.iter_keys(pattern)) == matching
    assert await verbs.delete_pattern(pattern) == len(matching)
    assert set(await verbs.keys()) == everything - matching


@pytest.mark.parametrize("glob", ["*", "?", "[a-z]", "\\", "[^x]*", "a]"], ids=repr)
async def test_a_prefix_with_glob_characters_means_itself(make_verbs: MakeVerbs, prefix: str, glob: str) -> None:
    neighbours = [make_verbs(prefix=f"{prefix}{name}") for name in ("a", "aa", "ab", "", "]", "[", "\\a", "-other")]
    own = make_verbs(prefix=f"{prefix}{glob}")
    for neighbour in neighbours:
        await neighbour.set("k", "theirs")
    await own.set_many({"k": 1, "l": 2})
    assert set(await own.keys()) == {"k", "l"}
    assert set(await own.iter_keys()) == {"k", "l"}
    assert await own.delete_pattern("k") == 1
    await own.clear()
    assert await own.keys() == []
    for neighbour in neighbours:
        assert await neighbour.get("k") == "theirs"


@pytest.mark.parametrize("itersize", [1, 7, 1000, 100_000])
async def test_delete_pattern_deletes_all_whatever_the_step(verbs: Verbs, itersize: int) -> None:
    await verbs.set_many({f"a{number}": number for number in range(300)})
    await verbs.set_many({f"b{number}": number for number in range(50)})
    assert await verbs.delete_pattern("a*", itersize=itersize) == 300
    assert len(await verbs.keys()) == 50


@pytest.mark.parametrize("itersize", [0, -1, "10", None], ids=repr)
async def test_a_step_that_is_no_step_is_refused(verbs: Verbs, itersize: Any) -> None:
    with pytest.raises(ConfigError, match="itersize"):
        await verbs.delete_pattern("a*", itersize=itersize)
    with pytest.raises(ConfigError, match="itersize"):
        await verbs.iter_keys("a*", itersize=itersize)


async def test_delete_pattern_neither_asks_for_keys_nor_blocks(own_server: Server, make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(own_server.url)
    await verbs.set_many({f"a{number}": number for number in range(5000)})
    own_server.execute("CONFIG", "RESETSTAT")
    assert await verbs.delete_pattern("a*") == 5000
    used = {line.partition(":")[0] for line in own_server.info("commandstats")}
    assert {"cmdstat_scan", "cmdstat_unlink"} <= used
    assert not {"cmdstat_keys", "cmdstat_del"} & used


async def test_iterating_may_stop_early_and_delete_meanwhile(make_cache: MakeCache) -> None:
    cache = make_cache()
    cache.set_many({f"k{number}": number for number in range(500)})
    found = cache.iter_keys(itersize=10)
    first = next(found)
    cache.delete_many([first])
    del found
    rest = set()
    for key in cache.iter_keys(itersize=10):
        cache.delete(key)
        rest.add(key)
    assert rest | {first} == {f"k{number}" for number in range(500)}
    assert cache.keys() == []


async def test_clear_takes_only_the_own_prefix(verbs: Verbs, make_verbs: MakeVerbs, prefix: str) -> None:
    longer, other = make_verbs(prefix=f"{prefix}2"), make_verbs(prefix=f"{prefix}-other")
    for cache in (verbs, longer, other):
        await cache.set_many({"a": 1, "b": 2})
    assert await verbs.clear() == 2
    assert await verbs.keys() == []
    assert await longer.get_many("ab") == {"a": 1, "b": 2}
    assert await other.get_many("ab") == {"a": 1, "b": 2}


async def test_clear_spares_a_cache_whose_prefix_goes_on_from_this_one(make_verbs: MakeVerbs, prefix: str) -> None:
    own, longer, deeper = (make_verbs(prefix=f"{prefix}{end}", layout="django") for end in ("", ":eu", ":eu:1"))
    for cache in (own, longer, deeper):
        for version in (1, -2, "beta"):
            await cache.set("k", 1, version=version)
    assert await own.clear() == 3
    for version in (1, -2, "beta"):
        assert await own.get("k", version=version) is None
        assert await longer.get("k", version=version) == await deeper.get("k", version=version) == 1
    # A version that looks like the name of the other cache is this one's own.
    await own.set("1:k", "own", version="eu")
    assert await longer.get("k") == "own"


async def test_clear_with_flush_takes_the_database_and_no_other(own_server: Server, make_verbs: MakeVerbs) -> None:
    verbs, other, second = (
        make_verbs(own_server.url),
        make_verbs(own_server.url, prefix="other"),
        make_verbs(own_server.url, db=1),
    )
    for cache in (verbs, other, second):
        await cache.set("k", 1)
    await verbs.clear(flush=True)
    assert await other.get("k") is None
    assert await second.get("k") == 1
    assert own_server.execute("DBSIZE") == 0
