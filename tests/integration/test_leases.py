"""Leases of entries: one computes, and fills only what nobody deleted meanwhile."""

from __future__ import annotations

import pytest

from hitrate._native import Entry
from hitrate.testing import Endpoint
from tests.integration.entries import BODY, Entries

ON_EVERY_STORE = True


async def test_one_computes_and_the_others_wait(entries: Entries) -> None:
    lease = await entries.leased("k", 60)
    assert (lease.key, "'k'" in repr(lease)) == ("k", True)
    assert 50 < await entries.lease("k", 10) <= 60
    assert await entries.entry("k") is None
    assert await entries.fill(lease) is True
    met = await entries.lease("k", 10)
    assert isinstance(met, Entry)
    assert met.body == BODY
    assert await entries.fill(lease) is False  # once is enough
    assert entries.cache.stats()["voided_fills"] == 1


async def test_a_released_lease_goes_to_the_next(entries: Entries) -> None:
    lease = await entries.leased()
    assert await entries.release(lease) is True
    assert await entries.release(lease) is False
    following = await entries.leased()
    assert await entries.fill(lease) is False
    assert await entries.fill(following) is True
    assert await entries.release(following) is False
    assert isinstance(await entries.entry("k"), Entry)


@pytest.mark.parametrize("how", ["delete", "pattern", "raw", "clear", "expire", "overwrite", "list"])
async def test_whoever_removes_the_key_voids_the_lease(entries: Entries, server: Endpoint, how: str) -> None:
    lease, cache = await entries.leased(), entries.cache
    full = cache.make_key("k")
    if how == "delete":
        cache.delete("k")
    elif how == "pattern":
        cache.delete_pattern("*")
    elif how == "raw":
        cache.execute("DEL", full)
    elif how == "clear":
        cache.clear()
    elif how == "expire":
        cache.execute("PEXPIRE", full, 0)
    elif how == "list":
        cache.delete("k")
        server.execute("RPUSH", full, "item")
    else:
        cache.execute("SET", full, "a value of somebody else's")
    assert await entries.fill(lease) is False
    assert await entries.release(lease) is False
    assert await entries.entry("k") is None
    assert await entries.fill(await entries.leased()) is True
    assert (await entries.entry("k")).body == BODY


async def test_a_stale_entry_is_served_while_one_computes_it(entries: Entries) -> None:
    stale = await entries.filled(fresh=0, lifetime=1000)
    assert stale.fresh_for <= 0
    lease = await entries.leased("k", 60, seen=stale)
    again = await entries.entry("k")
    assert again.body == BODY
    assert 50 < await entries.lease("k", 10, seen=again) <= 60
    assert 0 < again.expires_in <= 1000
    assert await entries.fill(lease, b"new", fresh=100) is True
    fresh = await entries.lease("k", 60, seen=stale)
    assert isinstance(fresh, Entry)
    assert (fresh.body, fresh.fresh_for > 0) == (b"new", True)


async def test_a_released_lease_leaves_the_stale_entry(entries: Entries) -> None:
    stale = await entries.filled(fresh=0)
    lease = await entries.leased("k", 60, seen=stale)
    assert await entries.release(lease) is True
    assert (await entries.entry("k")).body == BODY
    following = await entries.leased("k", 60, seen=stale)
    assert await entries.fill(lease, b"late") is False
    assert await entries.fill(following, b"new") is True


async def test_the_lease_of_a_stale_entry_runs_out(entries: Entries) -> None:
    stale = await entries.filled(fresh=0)
    first = await entries.leased("k", 60, seen=stale)
    full = entries.cache.make_key("k")
    stored = entries.cache.execute("GET", full)
    entries.cache.execute("SET", full, stored[:54] + b"0000000000001" + stored[67:], "KEEPTTL")
    second = await entries.leased("k", 60, seen=stale)
    assert await entries.fill(first, b"late") is False
    assert await entries.fill(second, b"new") is True


async def test_deleting_a_stale_entry_voids_its_lease(entries: Entries) -> None:
    stale = await entries.filled(fresh=0)
    lease = await entries.leased("k", 60, seen=stale)
    entries.cache.delete("k")
    assert await entries.fill(lease) is False
    assert await entries.entry("k") is None
