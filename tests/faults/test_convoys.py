"""Answers that are not stored are not made one at a time: nobody waits for one after another to come to nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest

import hitrate
from hitrate._native import Entry, Lease
from hitrate.lease import Found, Made, Place, Rules, hit_for_miss, run
from hitrate.lease.tasks import arun
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, MakeCache, until

# Who waits does so for longer than these tests are patient.
RULES = Rules(fresh=60, lease=60, wait=60)
PRIVATE: Made[str] = Made("private", may_be_stored=False)
BROKEN: Made[str] = Made("broken", has_failed=True)
TIMES = RULES.times()

Result: TypeAlias = "Found | Made[str]"
Make: TypeAlias = Callable[[Lease | None], Made[str]]
Ask: TypeAlias = Callable[[hitrate.Cache, Make], Result]


def in_thread(client: hitrate.Cache, make: Make) -> Result:
    place = Place(client, "page")
    return run(place, RULES, place.look(), make, lambda _: True)


def in_loop(client: hitrate.Cache, make: Make) -> Result:
    async def amake(lease: Lease | None) -> Made[str]:
        return make(lease)

    async def ask() -> Result:
        place: Any = Place(client, "page")
        return await arun(place, RULES, await place.alook(), amake, lambda _: True)

    return asyncio.run(ask())


@pytest.fixture(params=[in_thread, in_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask for a page as threads do, and as tasks do."""
    found: Ask = request.param
    return found


@pytest.fixture
def clients(make_cache: MakeCache, own_server: Server) -> tuple[hitrate.Cache, hitrate.Cache]:
    """Two caches, which know of each other's leases by the server alone, as two processes do."""
    return make_cache(own_server.url), make_cache(own_server.url)


@pytest.mark.parametrize("made", [PRIVATE, BROKEN], ids=["not to be stored", "failed"])
def test_who_has_waited_for_one_process_does_not_wait_for_the_next(
    clients: tuple[hitrate.Cache, hitrate.Cache], ask: Ask, made: Made[str]
) -> None:
    busy, waiting = clients
    place = Place(busy, "page")
    lease = place.lease(60, None)
    assert isinstance(lease, Lease)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, waiting, lambda _: made)
        for seen in range(1, 100):
            # It has looked for the page, and at each lease twice; once in a while it is there first and has it itself.
            until(lambda looks=1 + 2 * seen: asked.done() or waiting.stats()["round_trips"] >= looks, "it looks again")
            if asked.done():
                break
            # As a process does that is asked all the time: it is back before anybody else looks.
            if isinstance(lease, Lease):
                place.release(lease)
            lease = place.lease(60, None)
        assert asked.result(0) == made
    # From now on it does not even begin to wait.
    assert ask(waiting, lambda _: made) == made


def test_threads_of_a_process_do_not_wait_for_what_will_not_be_stored(
    clients: tuple[hitrate.Cache, hitrate.Cache],
) -> None:
    client, together = clients[0], threading.Barrier(8, timeout=PATIENCE)
    assert in_thread(client, lambda _: PRIVATE) == PRIVATE

    def make(_lease: Lease | None) -> Made[str]:
        # Passed only by rebuilds that run at a time.
        together.wait()
        return PRIVATE

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: in_thread(client, make), range(8))) == [PRIVATE] * 8


def test_one_that_is_stored_again_is_waited_for(clients: tuple[hitrate.Cache, hitrate.Cache], ask: Ask) -> None:
    client, other = clients
    name = (id(client), "page")
    assert ask(client, lambda _: PRIVATE) == PRIVATE
    assert hit_for_miss.is_expected(name)

    def make(lease: Lease | None) -> Made[str]:
        return Made("public", was_stored=Place(client, "page").keep_value(lease, "public", TIMES))

    assert ask(client, make) == Made("public", was_stored=True)
    assert not hit_for_miss.is_expected(name)
    client.delete("page")
    lease = Place(other, "page").lease(60, None)
    with ThreadPoolExecutor(1) as pool:
        before = client.stats()["round_trips"]
        asked = pool.submit(ask, client, lambda _: PRIVATE)
        until(lambda: client.stats()["round_trips"] >= before + 3, "it has looked at the lease twice")
        assert not asked.done()
        assert Place(other, "page").keep_value(lease, "public", TIMES)
        found = asked.result(PATIENCE)
    assert isinstance(found, Found)
    assert isinstance(found.entry, Entry)
    assert found.forward == "collapsed"


def test_an_attacker_s_keys_are_not_all_remembered(clients: tuple[hitrate.Cache, hitrate.Cache]) -> None:
    for number in range(10_000):
        hit_for_miss.note((id(clients[0]), str(number)), PRIVATE)
    assert hit_for_miss.is_expected((id(clients[0]), "9999"))
    assert len(hit_for_miss._until) <= 1024
