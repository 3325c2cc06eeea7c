"""Signed values and counters: what is forged, changed or moved is a counted miss and runs nothing."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError, MissingKeyError, NotANumberError
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, MakeVerbs
from tests.integration.forms import MISS, SECRET, Canary, assert_counted_miss

ON_EVERY_STORE = True


async def test_signed_values_go_through_every_verb(make_verbs: MakeVerbs, make_cache: MakeCache) -> None:
    verbs, plain = make_verbs(signing_keys=[SECRET]), make_cache()
    assert await verbs.set("a", {"x": 1}) is True
    assert await verbs.add("b", "two") is True
    assert await verbs.set_many({"c": [3], "d": 4}) == []
    assert await verbs.get_or_set("e", lambda: 5.0) == 5.0
    assert await verbs.get_or_set("e", "another") == 5.0
    expected = {"a": {"x": 1}, "b": "two", "c": [3], "d": 4, "e": 5.0}
    assert await verbs.get_many("abcde") == expected
    for name, value in expected.items():
        assert await verbs.get(name) == value
        assert plain.execute("GET", plain.make_key(name)).startswith(b"\xc1hs\x01")
    # Without keys nobody looks at signatures, so that signing can be turned off again.
    assert plain.get_many("abcde") == expected


@pytest.mark.parametrize("value", [{"admin": False}, 7, "x" * 5000], ids=["dict", "int", "long"])
def test_an_entry_cannot_be_moved_changed_or_made(
    value: Any, make_cache: MakeCache, server: Endpoint, prefix: str, canary: Canary
) -> None:
    cache = make_cache(signing_keys=[SECRET], compressor="zstd")
    cache.set("mine", value)
    cache.set("yours", value)
    mine = server.execute("GET", f"{prefix}:mine")
    forgeries = {
        "of another key": server.execute("GET", f"{prefix}:yours"),
        "truncated": mine[:-1],
        "longer": mine + b" ",
        "without its signature": mine[36:],
        "an integer": b"7",
        "a pickle": pickle.dumps(canary),
        "with a signature of nulls": mine[:4] + bytes(32) + pickle.dumps(canary),
        "with the signature of another": mine[:36] + pickle.dumps(canary),
        "signed twice": mine[:36] + mine,
        "empty": b"",
        "a head alone": mine[:36],
    }
    for stored in forgeries.values():
        server.execute("SET", f"{prefix}:mine", stored)
        assert_counted_miss(cache, "mine")
    for bit in range(0, len(mine) * 8, max(1, len(mine) // 40)):
        changed = bytearray(mine)
        changed[bit // 8] ^= 1 << bit % 8
        server.execute("SET", f"{prefix}:mine", bytes(changed))
        assert cache.get("mine", MISS) == MISS, bit
    server.execute("RENAME", f"{prefix}:yours", f"{prefix}:mine")
    assert_counted_miss(cache, "mine")
    assert not canary.path.exists()
    assert cache.get_or_set("mine", value) == cache.get("mine") == value


def test_signing_keys_are_changed_and_begun_with_without_a_flush(make_cache: MakeCache) -> None:
    old, new = "the old key, 16 bytes and more", "the new key, 16 bytes and more"
    make_cache().set("unsigned", 0)
    make_cache(signing_keys=[old]).set("old", 1)
    both = make_cache(signing_keys=[new, old])
    both.set("new", 2)
    assert both.get_many(["unsigned", "old", "new"]) == {"old": 1, "new": 2}
    assert make_cache(signing_keys=[new]).get_many(["unsigned", "old", "new"]) == {"new": 2}
    lenient = make_cache(signing_keys=[new], accept_unsigned=True)
    assert lenient.get_many(["unsigned", "old", "new"]) == {"unsigned": 0, "new": 2}
    for wrong in ([], ["short"], ["x" * 15], "x" * 16, [SECRET, ""]):
        with pytest.raises(ConfigError, match="signing_keys") as refused:
            make_cache(signing_keys=wrong)
        assert SECRET not in str(refused.value)
    assert SECRET not in repr(make_cache(signing_keys=[SECRET]))


async def test_signed_counters_count(
    make_verbs: MakeVerbs, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    verbs = make_verbs(signing_keys=[SECRET])
    with pytest.raises(MissingKeyError):
        await verbs.incr("count")
    await verbs.set("count", 40, ttl=50)
    assert await verbs.incr("count") == 41
    assert await verbs.decr("count", 2) == 39
    assert await verbs.get("count") == 39
    assert 0 < server.execute("PTTL", f"{prefix}:count") <= 50_000
    with pytest.raises(hitrate.CounterOverflowError):
        await verbs.incr("count", 2**63 - 1)
    await verbs.set("text", "39")
    make_cache().set("unsigned", 1)
    for key in ("text", "unsigned"):
        with pytest.raises(NotANumberError):
            await verbs.incr(key)
    # What was there before signing began is counted on, and signed from then on.
    assert await make_verbs(signing_keys=[SECRET], accept_unsigned=True).incr("unsigned") == 2
    assert await verbs.get("unsigned") == 2


async def test_signed_counters_outlive_the_scripts_of_the_server(
    make_verbs: MakeVerbs, server: Endpoint, prefix: str
) -> None:
    verbs = make_verbs(signing_keys=[SECRET])
    await verbs.set("count", 40)
    server.execute("SCRIPT", "FLUSH")
    assert await verbs.incr("count") == 41
    server.execute("RPUSH", f"{prefix}:list", "a")
    with pytest.raises(NotANumberError):
        await verbs.incr("list")


async def test_processes_without_the_keys_count_on_with_a_signed_counter(
    make_verbs: MakeVerbs, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    signed, plain = make_cache(signing_keys=[SECRET], accept_unsigned=True), make_verbs()
    signed.set("count", 40, ttl=50)
    assert await plain.incr("count") == 41
    assert server.execute("GET", f"{prefix}:count") == b"41"
    assert 0 < server.execute("PTTL", f"{prefix}:count") <= 50_000
    assert (await plain.incr("count"), signed.incr("count"), await plain.decr("count")) == (42, 43, 42)
    signed.set("text", "40")
    with pytest.raises(NotANumberError):
        await plain.incr("text")


def test_counters_between_signing_and_not_lose_no_count(make_cache: MakeCache) -> None:
    caches = [make_cache(timeout=30), make_cache(signing_keys=[SECRET], accept_unsigned=True, timeout=30)]
    caches[0].set("count", 0)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda number: caches[number % 2].incr("count"), range(400)))
    assert sorted(seen) == list(range(1, 401))


def test_signed_counters_lose_no_count_between_threads(make_cache: MakeCache) -> None:
    cache = make_cache(signing_keys=[SECRET], timeout=30)
    cache.set("count", 0)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: cache.incr("count"), range(400)))
    assert sorted(seen) == list(range(1, 401))
    assert cache.get("count") == 400
