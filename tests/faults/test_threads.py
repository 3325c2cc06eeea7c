"""Many threads on one pool: bounded, fair enough, without leaks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerError, ServerTimeoutError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until, until_healed
from tests.faults.proxy import Link, Proxy, close, corrupt, delay, healthy, reset, swallow, trickle, truncate


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in threads of numbers; return what they returned or raised, in the order they ended."""
    results: list[Any] = []

    def run(number: int) -> None:
        try:
            results.append(work(number))
        except ServerError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("limit", [1, 4])
def test_connections_never_exceed_the_limit(own_server: Server, make_cache: MakeCache, limit: int) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=limit)
    seen: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            clients = own_server.execute("CLIENT", "LIST").splitlines()
            seen.append(sum(b"name=hitrate" in line for line in clients))

    def work(number: int) -> int:
        for _ in range(200):
            cache.set(f"k{number}", number)
            assert cache.get(f"k{number}") == number
        return number

    watching = threading.Thread(target=watch)
    watching.start()
    assert sorted(in_threads(32, work)) == list(range(32))
    ended.set()
    watching.join()
    assert max(seen) <= limit
    pool = cache.stats()["pool"]
    assert (pool["in_use"], pool["waiting"], pool["max"]) == (0, 0, limit)
    assert pool["open"] <= limit
    assert pool["slot_waits"] > 0


def test_a_wait_for_a_slot_ends_at_the_deadline_and_names_the_option(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=1, max_connections=1)
    cache.set("k", "v")
    proxy.fault = delay(0.1)
    # Begun one by one, as on a busy machine, each would get its slot at the last moment and wait for the reply in vain.
    together = threading.Barrier(30)

    def read(_: int) -> Any:
        together.wait()
        return cache.get("k")

    results = in_threads(30, read)
    late = [result for result in results if result != "v"]
    assert "v" in results
    assert late != []
    assert all(isinstance(error, ServerTimeoutError) for error in late)
    assert any("max_connections" in str(error) for error in late)
    proxy.fault = healthy
    assert cache.get("k") == "v"
    assert cache.stats()["pool"]["waiting"] == 0


def test_a_slot_that_came_too_late_is_what_is_blamed(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=1, max_connections=1)
    cache.set("k", "v")
    proxy.fault = swallow
    errors: list[Any] = []

    def get() -> None:
        with pytest.raises(ServerTimeoutError) as raised:
            cache.get("k")
        errors.append(raised.value)

    holder = threading.Thread(target=get)
    holder.start()
    until(lambda: cache.stats()["pool"]["in_use"] == 1, "the only connection is in use")
    get()
    holder.join()
    # Freed at the holder's deadline, the slot left next to no time to open a connection.
    assert sum("max_connections" in str(error) for error in errors) == 1


async def test_a_slot_that_came_too_late_is_what_tasks_blame(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=1, max_connections=1)
    await cache.aset("k", "v")
    proxy.fault = swallow
    # A command of the caller's own has the connection for itself.
    holder = asyncio.create_task(cache.aexecute("PING"))
    await asyncio.sleep(0.1)
    errors = await asyncio.gather(holder, cache.aget("k"), return_exceptions=True)
    assert all(isinstance(error, ServerTimeoutError) for error in errors)
    assert ["max_connections" in str(error) for error in errors] == [False, True], errors


def test_the_connection_used_last_is_used_first(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    links: list[Link] = []

    async def note(link: Link, data: bytes) -> None:
        links.append(link)
        await link.deliver(data)

    proxy.fault = delay(0.2)
    in_threads(5, lambda number: cache.set("k", number))
    assert cache.stats()["pool"]["idle"] == 5
    proxy.fault = note
    for _ in range(50):
        cache.get("k")
    assert len(links) >= 50
    assert len(set(links)) == 1


def test_connections_idle_for_too_long_are_closed(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60, idle_timeout=0.2)
    in_threads(8, lambda number: [cache.set(f"k{number}", number) for _ in range(100)])
    # Whoever gives one back closes those that have been idle for too long.
    until(lambda: cache.get("k1") == 1 and cache.stats()["pool"]["open"] == 1, "the others are closed")


def test_a_connection_idle_for_too_long_is_not_used_again(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60, idle_timeout=0.001)
    cache.set("k", 1)
    until(lambda: cache.get("k") == 1 and cache.stats()["pool"]["connects"] > 1, "it is replaced")


@pytest.mark.parametrize("on_error", ["miss", "raise"])
def test_errors_of_every_kind_leak_no_slot(proxy: Proxy, make_cache: MakeCache, seconds: float, on_error: str) -> None:
    limit = 8
    cache = make_cache(proxy.url, timeout=0.5, max_connections=limit, on_error=on_error, bulk_timeout=1)
    faults = [healthy, reset, close, swallow, truncate(3), trickle(0.01), corrupt(lambda data: data[1:]), delay(0.2)]
    give_up = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < give_up:
            for call in (cache.get, cache.delete, cache.has, cache.incr):
                attempt(call, f"k{number}")
            attempt(cache.set_many, dict.fromkeys(map(str, range(1000)), 1))
            time.sleep(0.001)

    def disturb() -> None:
        while time.monotonic() < give_up:
            for fault in faults:
                proxy.fault = fault
                time.sleep(0.05)

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    in_threads(16, work)
    disturbing.join()
    proxy.fault = healthy
    until_healed(cache)
    until(lambda: cache.stats()["pool"]["in_use"] == 0, "every slot is free")
    cache.close()
    assert cache.stats()["pool"]["open"] == 0
    patient = hitrate.Cache(proxy.url, timeout=60, max_connections=limit, on_error="raise")
    assert in_threads(32, lambda number: patient.set(f"n{number}", number)) == [True] * 32
    patient.close()
    proxy.fault = delay(0.05)
    cache.get("warm")
    together = in_threads(limit, lambda _: cache.set("k", 1))
    assert together == [True] * limit
    assert 1 <= cache.stats()["pool"]["open"] <= limit
    assert cache.stats()["pool"]["waiting"] == 0


def attempt(call: Callable[..., Any], *args: Any) -> None:
    """Call; what the server or the way to it did wrong is what the test is about, and shows up in the counts."""
    try:
        call(*args)
    except (ServerError, hitrate.MissingKeyError):
        return


def test_a_cache_closed_under_threads_goes_on(own_server: Server, make_cache: MakeCache, seconds: float) -> None:
    cache = make_cache(own_server.url, timeout=60)
    cache.set("k", "v")
    give_up = time.monotonic() + seconds

    def work(number: int) -> int:
        reads = 0
        while time.monotonic() < give_up:
            if number == 0:
                cache.close()
            assert cache.get("k") == "v"
            reads += 1
        return reads

    assert all(isinstance(reads, int) and reads for reads in in_threads(8, work))
    assert cache.stats()["retries"] == 0


def test_caches_made_and_dropped_leave_no_connection(own_server: Server) -> None:
    for number in range(100):
        cache = hitrate.Cache(own_server.url, on_error="raise")
        cache.set("k", number)
        assert cache.get("k") == number
    del cache
    until(lambda: len(own_server.execute("CLIENT", "LIST").splitlines()) == 1, "all are closed")


def test_a_place_that_is_given_back_goes_to_whoever_waits_longest(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=2)
    cache.set("k", "v")
    ended = threading.Event()

    def read(_: int) -> int:
        count = 0
        while not ended.is_set():
            assert cache.get("k") == "v"
            count += 1
        return count

    ending = threading.Timer(2, ended.set)
    ending.start()
    counts = in_threads(12, read)
    ending.join()
    # Two greedy threads once left the others some fifteen of fifty thousand reads.
    assert all(isinstance(count, int) for count in counts), counts
    assert min(counts) * 10 > max(counts), counts
