"""Values that another program reads and stores, too: leases that it takes for misses, and fills that it can void."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate._native import Lease
from hitrate.exceptions import ConfigError, SerializationError
from hitrate.testing import Endpoint, free_port
from tests.integration.entries import Entries, MakeEntries

ON_EVERY_STORE = True

VALUE = {"rows": [1, "two", None, 3.5]}


@pytest.fixture(params=["pickle", "json"])
def entries(request: pytest.FixtureRequest, make_entries: MakeEntries) -> Entries:
    return make_entries(serializer=request.param)


async def leased(entries: Entries, seconds: float = 60) -> Lease:
    found = await entries.lease_original("k", seconds)
    assert isinstance(found, Lease)
    return found


async def test_one_computes_and_the_others_wait(entries: Entries) -> None:
    lease = await leased(entries)
    assert lease.key == "k"
    assert 50 < await entries.lease_original("k", 10) <= 60
    assert await entries.original("k") is None
    assert await entries.fill_original(lease, VALUE, 100) is True
    for value, left in (await entries.original("k"), await entries.lease_original("k", 10)):
        assert (value, 90 < left <= 100) == (VALUE, True)
    assert entries.cache.get("k") == VALUE
    assert await entries.fill_original(lease, "other", 100) is False  # once is enough
    assert (entries.cache.stats()["fills"], entries.cache.stats()["voided_fills"]) == (1, 1)


async def test_a_released_lease_goes_to_the_next(entries: Entries) -> None:
    lease = await leased(entries)
    assert await entries.release_original(lease) is True
    assert await entries.release_original(lease) is False
    following = await leased(entries)
    assert await entries.fill_original(lease, VALUE, 100) is False
    assert await entries.fill_original(following, VALUE, 100) is True
    assert await entries.release_original(following) is False
    assert entries.cache.get("k") == VALUE


@pytest.mark.parametrize("how", ["delete", "pattern", "raw", "clear", "expire", "overwrite", "none"])
async def test_whatever_is_done_to_the_key_voids_the_lease(entries: Entries, how: str) -> None:
    lease, cache = await leased(entries), entries.cache
    does: dict[str, Any] = {
        "delete": lambda: cache.delete("k"),
        "pattern": lambda: cache.delete_pattern("*"),
        "raw": lambda: cache.execute("DEL", cache.make_key("k")),
        "clear": cache.clear,
        "expire": lambda: cache.execute("PEXPIRE", cache.make_key("k"), 0),
        "overwrite": lambda: cache.set("k", "theirs"),
        "none": lambda: cache.set("k", None),
    }
    does[how]()
    assert await entries.fill_original(lease, VALUE, 100) is False
    assert await entries.release_original(lease) is False
    assert cache.get("k") == ("theirs" if how == "overwrite" else None)


@pytest.mark.parametrize("stored", [b"\x80\x05damaged.", pickle.dumps(None), b"a list"])
async def test_what_cannot_be_served_is_computed_anew(entries: Entries, server: Endpoint, stored: bytes) -> None:
    entries.cache.execute("SET", entries.cache.make_key("k"), stored, "EX", 100)
    assert await entries.original("k") is None
    assert await entries.fill_original(await leased(entries), VALUE, 100) is True
    assert entries.cache.get("k") == VALUE


async def test_a_value_without_an_end_is_computed_anew(entries: Entries) -> None:
    entries.cache.set("k", VALUE, ttl=None)
    assert await entries.original("k") is None
    assert await entries.fill_original(await leased(entries), VALUE, 100) is True


async def test_a_lease_runs_out(entries: Entries) -> None:
    lease = await leased(entries)
    entries.cache.execute("PERSIST", entries.cache.make_key("k"))
    following = await leased(entries)
    assert await entries.fill_original(lease, VALUE, 100) is False
    assert await entries.fill_original(following, VALUE, 100) is True


async def test_a_lost_reply_is_asked_for_again(entries: Entries) -> None:
    # What the second try meets: its own value.
    lease = await leased(entries)
    entries.cache.set("k", VALUE)
    assert await entries.fill_original(lease, VALUE, 100) is True


async def test_a_value_that_cannot_be_stored_leaves_the_lease(entries: Entries) -> None:
    lease = await leased(entries)
    with pytest.raises(SerializationError):
        await entries.fill_original(lease, lambda: None, 100)
    assert await entries.release_original(lease) is True


async def test_a_local_cache_hears_of_what_is_stored(
    server: Endpoint, make_cache: Callable[..., hitrate.Cache]
) -> None:
    cache = make_cache(local=hitrate.Local(max_staleness=3600))
    cache.set("k", None, ttl=100)
    assert (cache.get("k", "absent"), cache.get("k", "absent")) == (None, None)
    lease = cache._lease_original("k", 60)
    assert isinstance(lease, Lease)
    assert cache.get("k", "absent") is None
    assert cache._fill_original(lease, VALUE, 100) is True
    assert (cache.get("k"), cache.get("k")) == (VALUE, VALUE)


async def test_without_a_server_there_is_no_lease() -> None:
    cache = hitrate.Cache(f"redis://127.0.0.1:{free_port()}", serializer="pickle")
    assert cache._lease_original("k", 60) is None
    assert cache._original("k") is None


async def test_a_lease_is_none_to_every_reader_of_its_form_and_in_no_two_the_same(make_entries: MakeEntries) -> None:
    for serializer, read in (("pickle", pickle.loads), ("json", json.loads)):
        cache = (entries := make_entries(serializer=serializer)).cache
        found = set()
        for key in ("k", "l"):
            assert isinstance(await entries.lease_original(key, 60), Lease)
            found.add(cache.execute("GET", cache.make_key(key)))
        assert len(found) == 2
        assert [read(stored) for stored in found] == [None, None]
        cache.clear()


@pytest.mark.parametrize("stored", ["null", "null ", "null\n", " null", "null \t\t", "[]", "0"])
async def test_no_json_of_others_is_taken_for_a_lease(make_entries: MakeEntries, stored: str) -> None:
    entries = make_entries(serializer="json")
    entries.cache.execute("SET", entries.cache.make_key("k"), stored, "EX", 100)
    value = json.loads(stored)
    found = await entries.lease_original("k", 60)
    assert isinstance(found, Lease) if value is None else found[0] == value


@pytest.mark.parametrize("options", [{"serializer": "msgpack"}, {"signing_keys": ["0123456789abcdef0123456789abcdef"]}])
def test_a_cache_whose_none_others_would_not_read_gives_no_lease(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="pickles or JSON and does not sign"):
        hitrate.Cache("memory://", **options)._lease_original("k", 60)
