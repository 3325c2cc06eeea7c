"""Entries: what comes back, how old it is, and what is none."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from hitrate._native import Entry, Lease
from hitrate.exceptions import ConfigError, InvalidKeyError, SerializationError
from hitrate.testing import Endpoint
from tests.integration.entries import BODY, HEADERS, Entries, MakeEntries

ON_EVERY_STORE = True


async def test_an_answer_comes_back_as_it_was_filled(entries: Entries) -> None:
    assert await entries.entry("k") is None
    before = time.time()
    entry = await entries.filled()
    assert (entry.status, entry.headers, entry.etag, entry.body) == (200, HEADERS, '"e"', BODY)
    assert (entry.tags, entry.value) == ((), None)
    assert entry.headers is entry.headers
    assert entry.body is entry.body
    assert 0 <= entry.age < 5
    assert 95 < entry.fresh_for <= 100
    assert 995 < entry.expires_in <= 1000
    assert before - 1 < entry.stored_at < time.time() + 1
    stats = entries.cache.stats()
    assert (stats["hits"], stats["misses"], stats["leases"], stats["fills"]) == (1, 1, 1, 1)
    assert sum(stats["errors"].values()) == 0


@pytest.mark.parametrize("body", [b"", b"x", b"\x00\xff" * 40_000])
async def test_bodies_of_any_size(entries: Entries, body: bytes) -> None:
    assert (await entries.filled(body=body)).body == body


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize("value", [None, 0, 41, -(10**30), "text", "", [1, {"a": None}], True, 1.5])
async def test_a_value_comes_back_to_each_as_an_object_of_its_own(
    make_entries: MakeEntries, serializer: str, value: Any
) -> None:
    entries = make_entries(serializer=serializer)
    assert await entries.fill_value(await entries.leased(), value, fresh=1, lifetime=10) is True
    entry = await entries.entry("k")
    assert (entry.status, entry.headers, entry.etag, entry.body) == (0, (), "", b"")
    assert [entry.value, entry.value] == [value, value]
    assert type(entry.value) is type(value)
    if isinstance(value, list):
        entry.value.append("changed")
        assert entry.value == value


async def test_durations_may_be_timedeltas(entries: Entries) -> None:
    lease = await entries.leased("k", timedelta(seconds=5))
    assert await entries.fill(lease, fresh=timedelta(minutes=1), lifetime=timedelta(hours=1))
    entry = await entries.entry("k")
    assert 55 < entry.fresh_for <= 60
    assert 3595 < entry.expires_in <= 3600


async def test_age_is_told_by_the_lifetime_that_is_left(entries: Entries) -> None:
    await entries.filled(fresh=100, lifetime=1000, age=30.5)
    entries.cache.execute("PEXPIRE", entries.cache.make_key("k"), 940_000)  # as in a minute
    entry = await entries.entry("k")
    assert 90.4 < entry.age < 95
    assert 5 < entry.fresh_for < 10
    assert 935 < entry.expires_in <= 940
    age = entry.age
    await asyncio.sleep(0.02)
    assert age < entry.age < age + 5  # it goes on while it is held


@pytest.mark.parametrize("lifetime", [None, 2000])
async def test_another_lifetime_than_its_own_makes_it_damaged(entries: Entries, lifetime: int | None) -> None:
    await entries.filled(lifetime=1000)
    entries.cache.touch("k", lifetime)
    assert await entries.entry("k") is None
    assert entries.cache.stats()["errors"]["decode"] == 1
    assert await entries.fill(await entries.leased()) is True
    assert isinstance(await entries.entry("k"), Entry)


@pytest.mark.parametrize("kind", ["bytes", "a value", "a number", "a head", "another type"])
async def test_what_is_no_entry_is_a_miss_and_is_written_over(entries: Entries, server: Endpoint, kind: str) -> None:
    full, cache = entries.cache.make_key("k"), entries.cache
    await entries.filled()
    stored = cache.execute("GET", full)
    if kind == "another type":
        cache.delete("k")
        server.execute("RPUSH", full, "item")
    else:
        poison: Any = {"bytes": b"\xc1he", "a value": b'{"a": 1}', "a number": 5, "a head": stored[:67]}[kind]
        cache.execute("SET", full, poison, "PX", 1000_000)
    assert await entries.entry("k") is None
    assert cache.stats()["errors"]["decode"] == 1
    lease = await entries.lease("k", 60)
    assert await entries.fill(lease) is True
    assert isinstance(await entries.entry("k"), Entry)


async def test_a_value_whose_class_is_gone_is_computed_anew(make_entries: MakeEntries, server: Endpoint) -> None:
    pickling, plain = make_entries(serializer="pickle"), make_entries(serializer="json")
    assert await pickling.fill_value(await pickling.leased(), {1, 2}, fresh=9, lifetime=10)
    assert await plain.entry("k") is None  # it reads no pickles
    assert plain.cache.stats()["errors"]["decode"] == 1
    assert await plain.fill_value(await plain.leased(), [1, 2], fresh=9, lifetime=10)
    assert (await plain.entry("k")).value == [1, 2]


async def test_a_plain_get_of_an_entry_is_a_counted_miss(entries: Entries) -> None:
    await entries.filled()
    assert entries.cache.get("k", "a miss") == "a miss"
    assert entries.cache.get_many(["k"]) == {}
    assert entries.cache.stats()["errors"]["decode"] == 2
    assert isinstance(await entries.entry("k"), Entry)


@pytest.mark.parametrize("compressor", ["zstd", "lz4"])
@pytest.mark.parametrize("signing_keys", [None, ["a secret of 16 bytes and more"]])
async def test_entries_are_compressed_and_signed_as_values_are(
    make_entries: MakeEntries, compressor: str, signing_keys: list[str] | None
) -> None:
    entries = make_entries(compressor=compressor, signing_keys=signing_keys)
    await entries.filled("k", ("a",), body=b"round and round " * 10_000)
    entry = await entries.entry("k", ("a",))
    assert entry.body == b"round and round " * 10_000
    assert entries.cache.execute("STRLEN", entries.cache.make_key("k")) < 2000
    await entries.fill_value(await entries.leased("v"), ["x"] * 10_000, fresh=1, lifetime=10)
    assert (await entries.entry("v")).value == ["x"] * 10_000
    if signing_keys:
        stored = entries.cache.execute("GET", entries.cache.make_key("k"))
        entries.cache.execute("SET", entries.cache.make_key("moved"), stored, "PX", 5000)
        assert await entries.entry("moved", ("a",)) is None


async def test_arguments_that_are_wrong_are_told(entries: Entries) -> None:
    with pytest.raises(ConfigError, match="not one text"):
        await entries.entry("k", "product:1")
    with pytest.raises(ConfigError, match="a tag must be a str, not int"):
        await entries.entry("k", [1])
    with pytest.raises(ConfigError, match="may have 64 tags, not 65"):
        await entries.lease("k", 1, [str(number) for number in range(65)])
    with pytest.raises(ConfigError, match="'seconds' must be a positive number"):
        await entries.lease("k", 0)
    with pytest.raises(InvalidKeyError):
        await entries.entry(5)
    lease = await entries.leased()
    with pytest.raises(ConfigError, match="'lifetime' must be a positive number"):
        await entries.fill(lease, lifetime=0)
    with pytest.raises(ConfigError, match="257 headers"):
        await entries.fill_response(lease, 200, [("a", "b")] * 257, b"", etag="", fresh=1, lifetime=1)
    with pytest.raises(ConfigError, match="'older_by'"):
        await entries.fill(lease, older_by=float("nan"))
    with pytest.raises(SerializationError):
        await entries.fill_value(lease, lambda: None, fresh=1, lifetime=1)
    # It is still there.
    assert await entries.release(lease) is True
    for kind in (Entry, Lease):
        with pytest.raises(TypeError):
            kind()


async def test_an_answer_that_is_too_long_is_refused(make_entries: MakeEntries) -> None:
    entries = make_entries(max_value_bytes=1000)
    lease = await entries.leased()
    with pytest.raises(SerializationError, match="max_value_bytes"):
        await entries.fill(lease, b"x" * 1001)
    assert await entries.release(lease) is True


async def test_a_hit_is_one_round_trip(entries: Entries) -> None:
    await entries.filled("k", ("a", "b"))
    before = entries.cache.stats()["round_trips"]
    await entries.entry("k", ("a", "b"))
    assert entries.cache.stats()["round_trips"] - before in (0, 1)  # an embedded store makes none
