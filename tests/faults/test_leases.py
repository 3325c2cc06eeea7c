"""Entries, leases and tags while the server fails, refuses, or loses replies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate._native import Entry, Lease
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen, run_python, until_healed
from tests.faults.proxy import Link, Proxy, close, delay, healthy
from tests.integration.entries import BODY, Entries

AsEntries = Callable[[hitrate.Cache], Entries]


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def as_entries(request: pytest.FixtureRequest) -> AsEntries:
    """See a cache through `Entries`: the test runs for the blocking verbs, and for their `a` twins."""
    return lambda cache: Entries(cache, twins=request.param)


def away(proxy: Proxy) -> None:
    proxy.refuse()
    proxy.cut()


@pytest.mark.parametrize("on_error", ["miss", "raise", "ignore"])
async def test_without_a_server_nobody_gets_a_lease_and_nothing_raises(
    proxy: Proxy, make_cache: MakeCache, as_entries: AsEntries, on_error: str
) -> None:
    cache = make_cache(proxy.url, on_error=on_error, timeout=0.5, critical=["session:"])
    entries = as_entries(cache)
    lease, other = await entries.leased(), await entries.leased("other")
    away(proxy)
    for _ in range(3):
        assert await entries.lease("k", 10) is None
        assert await entries.lease("session:1", 10, ["a"]) is None
    assert await entries.release(other) is False
    if on_error != "raise":
        assert await entries.entry("k") is None
        assert await entries.fill(lease) is False
        assert cache.stats()["dropped_fills"] == 1
    proxy.accept()
    until_healed(cache)
    assert await entries.fill(lease) is True  # nobody has forgotten it meanwhile
    assert (await entries.entry("k")).body == BODY


@pytest.mark.parametrize("forgotten", ["tag", "key", "pattern"])
async def test_what_was_forgotten_while_the_server_was_away_is_never_read_again(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_entries: AsEntries, forgotten: str
) -> None:
    cache = missing_cache(proxy.url, timeout=5)
    entries, witness = as_entries(cache), as_entries(missing_cache(timeout=60))
    await entries.filled("k", ("a", "b"))
    await entries.filled("other", ("b",))
    lease = await entries.leased("leased", 60, ("a",))
    away(proxy)
    if forgotten == "tag":
        assert await entries.forget_tags(["a"]) is None
    elif forgotten == "key":
        cache.delete_many(["k", "leased"])
    else:
        cache.delete_pattern("[kl]*")
    proxy.fault = delay(0.02)  # makes the replay last
    proxy.accept()
    while cache.stats()["breaker"]["journal"] > 0:
        assert await entries.entry("k", ("a", "b")) is None
        assert await entries.fill(lease) is False
        early = await entries.lease("k", 60, ("a", "b"))
        # The replay may have come to its end since the question above.
        assert early is None or cache.stats()["breaker"]["journal"] == 0
        assert early is None or await entries.release(early)
    assert await witness.entry("k", ("a", "b")) is None
    assert isinstance(await witness.entry("other", ("b",)), Entry)
    proxy.fault = healthy
    until_healed(cache)
    dropped = cache.stats()["dropped_fills"]
    assert await entries.fill(lease) is False
    # Void, and not dropped as while the breaker was open.
    assert cache.stats()["dropped_fills"] == dropped
    assert await entries.fill(await entries.leased("k", 60, ("a", "b"))) is True
    assert isinstance(await witness.entry("k", ("a", "b")), Entry)


async def test_a_deletion_behind_a_note_that_waits_is_made_again_behind_it(
    own_server: Server, missing_cache: MakeCache, as_entries: AsEntries
) -> None:
    cache = missing_cache(timeout=5)
    entries = as_entries(cache)
    other = as_entries(missing_cache(timeout=5))
    await other.fill(await other.leased("k", 60), older_by=30)
    await other.grow_old()
    own_server.execute("CONFIG", "SET", "min-replicas-to-write", "1")
    await entries.note_forgotten()
    own_server.execute("CONFIG", "SET", "min-replicas-to-write", "0")
    cache.delete("k")
    # The note may have been replayed already; if not, the deletion has reached the server before it.
    waits = cache.stats()["breaker"]["journal"] > 0
    assert not waits or cache.stats()["breaker"]["journaled"] == 2
    # Another process still believes that nothing was forgotten, and stores an older state.
    await other.fill(await other.leased("k", 60), b"old", older_by=30)
    until_healed(cache)
    assert not waits or await other.entry("k") is None
    assert await other.fill(await other.leased("k", 60), b"old", older_by=30) is False


async def test_a_second_try_after_a_lost_reply_does_the_same(
    proxy: Proxy, missing_cache: MakeCache, as_entries: AsEntries
) -> None:
    cache = missing_cache(proxy.url, timeout=5)
    entries = as_entries(cache)

    async def lose_one(link: Link, data: bytes) -> None:
        proxy.fault = healthy
        await close(link, data)

    async def losing(verb: Callable[[], Any]) -> Any:
        await entries.entry("warm")  # a reused connection, and none that a greeting would be lost on
        proxy.fault = lose_one
        found = await verb()
        assert proxy.fault is healthy
        return found

    lease = await losing(lambda: entries.lease("k", 60, ("a",)))
    assert isinstance(lease, Lease)
    assert await losing(lambda: entries.fill(lease, fresh=0)) is True
    stale = await entries.entry("k", ("a",))
    again = await losing(lambda: entries.lease("k", 60, ("a",), seen=stale))
    assert isinstance(again, Lease)
    await losing(lambda: entries.release(again))
    assert isinstance(await entries.lease("k", 60, ("a",), seen=stale), Lease)
    assert await losing(lambda: entries.forget_tags(["a"])) == 1
    assert await entries.entry("k", ("a",)) is None
    assert cache.stats()["retries"] == (5 if cache.stats()["retries"] else 0)  # of blocking calls only


TAKE_A_LEASE_AND_DIE = """
import os, signal, sys
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix=sys.argv[2], serializer="pickle", timeout=60)
print(cache._lease("k", 0.5), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_the_lease_of_a_killed_process_runs_out(
    own_server: Server, prefix: str, missing_cache: MakeCache, as_entries: AsEntries
) -> None:
    entries = as_entries(missing_cache(timeout=60))
    done = run_python(TAKE_A_LEASE_AND_DIE, own_server.url, prefix)
    assert "lease of 'k'" in done.stdout, done.stderr
    assert done.returncode < 0
    give_up = time.monotonic() + 10
    while not isinstance(found := await entries.lease("k", 60), Lease):
        assert 0 < found <= 0.5
        assert time.monotonic() < give_up
    assert await entries.fill(found) is True


async def test_a_user_without_scripts_computes_and_stores_nothing(
    own_server: Server, missing_cache: MakeCache, as_entries: AsEntries, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.execute("ACL", "SETUSER", "app", "on", ">hush", "~*", "+@all", "-@scripting")
    cache = missing_cache(f"redis://app:hush@127.0.0.1:{own_server.port}", timeout=60)
    entries, others = as_entries(cache), as_entries(missing_cache(timeout=60))
    for _ in range(5):
        assert await entries.entry("k", ["a"]) is None
        assert await entries.lease("k", 60, ["a"]) is None
    lines = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert len(lines) == 1
    assert "NOPERM" in lines[0]
    # What others store it reads, and forgets.
    await others.filled("k", ("a",))
    assert isinstance(await entries.entry("k", ["a"]), Entry)
    assert await entries.forget_tags(["a"]) == 1
    assert await others.entry("k", ["a"]) is None
    assert cache.stats()["breaker"]["journaled"] == 0


async def test_a_full_server_forgets_tags_all_the_same(
    own_server: Server, missing_cache: MakeCache, as_entries: AsEntries
) -> None:
    cache = missing_cache(timeout=60)
    entries = as_entries(cache)
    await entries.filled("k", ("a",))
    lease = await entries.leased("other", 60)
    own_server.execute("CONFIG", "SET", "maxmemory", "1")
    assert isinstance(await entries.entry("k", ("a",)), Entry)
    assert await entries.lease("new", 60) is None
    assert await entries.fill(lease) is False
    assert await entries.release(lease) is True
    assert await entries.forget_tags(["a"]) == 1
    assert await entries.entry("k", ("a",)) is None
    stats = cache.stats()
    assert (stats["dropped_fills"], stats["breaker"]["journaled"], stats["breaker"]["opened"]) == (1, 0, 0)


async def test_a_stopped_server_costs_a_lease_and_a_fill_no_more_than_a_deadline(
    own_server: Server, missing_cache: MakeCache, as_entries: AsEntries
) -> None:
    cache = missing_cache(timeout=0.1)
    entries = as_entries(cache)
    lease = await entries.leased()
    with frozen(own_server):
        begun = time.monotonic()
        for _ in range(100):
            assert await entries.lease("other", 60) is None
            assert await entries.fill(lease) is False
        assert time.monotonic() - begun < 5
    until_healed(cache)
    assert cache.stats()["dropped_fills"] == 100
