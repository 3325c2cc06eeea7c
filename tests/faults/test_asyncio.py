"""The `a` verbs in event loops: cancelled, timed out, in many loops, in loops that end."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerTimeoutError
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, MakeCache, frozen, until, until_healed
from tests.faults.proxy import Link, Proxy, delay, healthy, swallow


def open_sockets() -> int:
    links = list(Path("/proc/self/fd").iterdir())
    return sum(link.is_symlink() and str(link.readlink()).startswith("socket:") for link in links)


def clients(server: Server) -> int:
    """How many connections the server has, besides the one that asks."""
    return len(server.execute("CLIENT", "LIST").splitlines()) - 1


async def test_a_cancelled_call_closes_its_connection_and_nobody_gets_its_reply(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({"mine": "mine", "yours": "yours"})
    proxy.fault = swallow
    call = asyncio.create_task(cache.aget("mine"))
    await until_async(lambda: proxy.open_connections == 1)
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    proxy.fault = healthy
    assert await cache.aget("yours") == "yours"
    await until_async(lambda: proxy.open_connections == 1)
    assert proxy.connections == 2


@pytest.mark.parametrize("limit", [1, 4])
async def test_calls_cancelled_at_any_moment_cross_nothing_and_leak_nothing(
    own_server: Server, make_cache: MakeCache, seconds: float, limit: int
) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=limit)
    names = [f"k{number}" for number in range(10)]
    await cache.aset_many({name: name for name in names})
    chance, crossed, cancelled = random.Random(1), [], 0

    async def call(name: str) -> None:
        while True:
            if await cache.aget(name) != name:
                crossed.append(name)

    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    while loop.time() < give_up:
        tasks = [asyncio.create_task(call(name)) for name in names]
        await asyncio.sleep(chance.uniform(0, 0.005))
        for task in tasks:
            task.cancel()
        # A task that goes on has swallowed its cancellation, and would go on for ever.
        _, alive = await asyncio.wait(tasks, timeout=10)
        assert alive == set(), f"after {cancelled} cancellations"
        cancelled += len(tasks)
    assert crossed == []
    found = await asyncio.wait_for(asyncio.gather(*(cache.aget(name) for name in names * 5)), 30)
    assert found == names * 5
    # The server sees the end of a connection when it comes to it.
    await until_async(lambda: clients(own_server) <= limit)


@pytest.mark.parametrize("deletion", [("adelete", "k"), ("adelete_many", ["k"]), ("adelete_pattern", "k*")], ids=str)
async def test_a_cancelled_deletion_is_made_all_the_same(
    own_server: Server, missing_cache: MakeCache, deletion: tuple[str, Any]
) -> None:
    cache = missing_cache(timeout=0.5)
    verb, argument = deletion
    for patience in (0.0, 0.001, 0.1):
        await cache.aset("k", "old")
        with frozen(own_server):
            call = asyncio.ensure_future(getattr(cache, verb)(argument))
            await asyncio.sleep(patience)
            call.cancel()
            await asyncio.wait([call])
        await until_async(lambda: own_server.execute("EXISTS", cache.make_key("k")) == 0)
        until_healed(cache)


def test_a_deletion_given_up_at_the_end_of_its_loop_is_made_all_the_same(
    own_server: Server, missing_cache: MakeCache
) -> None:
    cache = missing_cache(timeout=60)
    cache.set("k", "old")

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(cache.adelete("k"), 0.1)

    with frozen(own_server):
        asyncio.run(give_up())
    until_healed(cache)
    until(lambda: cache.get("k") is None, "it is deleted")


async def test_a_timed_out_call_closes_its_connection_and_nobody_gets_its_reply(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=0.3)
    await cache.aset_many({"mine": "mine", "yours": "yours"})
    first = True

    async def late_once(link: Link, data: bytes) -> None:
        nonlocal first
        late, first = first, False
        await asyncio.sleep(0.5 if late else 0)
        await link.deliver(data)

    proxy.fault = late_once
    with pytest.raises(ServerTimeoutError):
        await cache.aget("mine")
    for _ in range(50):
        assert await cache.aget("yours") == "yours"
        await asyncio.sleep(0.01)
    assert cache.stats()["breaker"]["opened"] == 0


async def test_random_delays_around_the_deadline_never_give_a_wrong_answer(
    proxy: Proxy, missing_cache: MakeCache, seconds: float
) -> None:
    deadline = 0.2
    cache = missing_cache(proxy.url, timeout=deadline)
    names = [f"k{number}" for number in range(20)]
    assert await cache.aset_many({name: name for name in names}, 1000) == []
    chance, answers = random.Random(2), {"hit": 0, "miss": 0}

    async def jitter(link: Link, data: bytes) -> None:
        await asyncio.sleep(chance.choice([0, 0, 0, 0.9, 1, 1.1, 2]) * deadline)
        await link.deliver(data)

    proxy.fault = jitter
    give_up = asyncio.get_running_loop().time() + seconds

    def goes_on() -> bool:
        # On a busy machine the breaker may be open for all of that time.
        longest = give_up if min(answers.values()) else give_up + PATIENCE
        return asyncio.get_running_loop().time() < longest

    async def call(name: str) -> None:
        while goes_on():
            value = await cache.aget(name)
            assert value in {name, None}
            answers["hit" if value else "miss"] += 1
            await asyncio.sleep(0)

    await asyncio.gather(*map(call, names))
    assert min(answers.values()) > 0, answers
    proxy.fault = healthy
    await until_async(lambda: cache.stats()["breaker"]["state"] == "closed")
    assert await cache.aget("k3") == "k3"


async def test_a_slot_wait_ends_at_the_deadline_and_names_the_option(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=0.5, max_connections=2)
    await cache.aset("k", 1)
    proxy.fault = delay(0.4)
    results = await asyncio.gather(*(cache.aget("k") for _ in range(10)), return_exceptions=True)
    assert 1 in results
    late = [result for result in results if isinstance(result, ServerTimeoutError)]
    assert any("max_connections" in str(error) for error in late)
    assert proxy.open_connections <= 3  # two, and the PING of the breaker


def test_loops_that_end_leave_no_connection_open(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    before = open_sockets()
    for number in range(50):
        assert asyncio.run(read_back(cache, number)) == number
    gc.collect()
    assert open_sockets() <= before + 1
    until(lambda: clients(own_server) <= 1, "the server sees them closed")


def test_caches_that_are_dropped_leave_no_connection_open_in_a_loop_that_goes_on(
    own_server: Server, start_server: Any
) -> None:
    other = start_server()

    async def use_and_drop() -> int:
        before = open_sockets()
        for number in range(100):
            # The other server's cache may get the address, in memory, of the one that was dropped.
            server = (own_server, other)[number % 2]
            cache = hitrate.Cache(server.url, on_error="raise", db=number % 3)
            await cache.aset("where", number)
            assert await cache.aget("where") == number
            assert f"tcp_port:{server.port}\r\n".encode() in await cache.aexecute("INFO", "server")
            del cache
        await asyncio.sleep(0.1)
        gc.collect()
        await asyncio.sleep(0.1)
        return open_sockets() - before

    assert asyncio.run(use_and_drop()) <= 1


async def read_back(cache: hitrate.Cache, number: int) -> Any:
    await cache.aset("k", number)
    return await cache.aget("k")


def test_many_loops_in_many_threads_share_a_cache(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    wrong: list[Any] = []

    async def work(name: str) -> None:
        await cache.aset(name, name)
        found = await asyncio.gather(*(cache.aget(name) for _ in range(200)))
        wrong.extend(value for value in found if value != name)
        cache.get(name)  # a blocking call beside them

    def run(name: str) -> None:
        for _ in range(5):
            asyncio.run(work(name))

    threads = [threading.Thread(target=run, args=(f"k{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_loop_closed_in_the_middle_of_calls_hurts_no_later_loop(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    cache.set("k", "v")

    async def abandon() -> None:
        calls = [asyncio.ensure_future(cache.aget("k")) for _ in range(20)]
        await asyncio.sleep(0.001)
        assert len(calls) == 20  # asyncio.run cancels them

    for _ in range(10):
        asyncio.run(abandon())
        assert asyncio.run(read_back(cache, 1)) == 1
    assert cache.get("k") == 1


async def test_one_stopped_server_does_not_stop_the_loop(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(timeout=0.5)
    await cache.aset("k", 1)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with frozen(own_server):
        assert await asyncio.gather(*(cache.aget("k") for _ in range(200))) == [None] * 200
        waited = ticks
    ticking.cancel()
    assert waited > 5
    await until_async(lambda: cache.stats()["breaker"]["state"] == "closed")
    assert await cache.aget("k") == 1


async def test_a_lock_whose_wait_is_cancelled_is_not_held_afterwards(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    for number in range(50):
        async with cache.lock(f"job{number}"):
            waiting = asyncio.create_task(cache.lock(f"job{number}", sleep=0.001).aacquire())
            await asyncio.sleep(number / 10_000)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def until_async(condition: Any) -> None:
    """`until`, in an event loop."""
    give_up = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < give_up, "waited in vain"
        await asyncio.sleep(0.01)
