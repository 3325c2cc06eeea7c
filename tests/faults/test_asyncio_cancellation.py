"""Cancelled calls: nobody gets their replies, and the connection goes on."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest

from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen, until, until_healed
from tests.faults.event_loops import clients, no_task_is_left, open_in_loops, until_async
from tests.faults.proxy import Proxy, delay, healthy, swallow


async def test_the_reply_to_a_cancelled_call_is_read_and_thrown_away(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    await cache.aset_many({"mine": "mine", "yours": "yours"})
    with frozen(own_server):
        calls = [asyncio.create_task(cache.aget("mine")) for _ in range(10)]
        others = [asyncio.create_task(cache.aget("yours")) for _ in range(10)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert all(call.cancelled() for call in calls)
    assert await asyncio.gather(*others) == ["yours"] * 10
    assert await cache.aget("yours") == "yours"
    assert clients(own_server) == 1


async def test_a_cancelled_call_of_which_half_a_reply_came_leaves_the_connection_in_step(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({"long": "l" * 100_000, "yours": "yours"})
    release = threading.Event()
    halves = 0

    async def half(link: Any, data: bytes) -> None:
        nonlocal halves
        await link.deliver(data[:1000])
        halves += 1
        await asyncio.to_thread(release.wait, 20)
        await link.deliver(data[1000:])

    proxy.fault = half
    call = asyncio.create_task(cache.aget("long"))
    await until_async(lambda: halves, "half of it came")
    call.cancel()
    await asyncio.wait([call])
    proxy.fault = healthy
    others = [asyncio.create_task(cache.aget("yours")) for _ in range(20)]
    await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*others) == ["yours"] * 20


async def test_a_cancelled_call_that_is_never_answered_gives_the_connection_up_at_its_deadline(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=0.5)
    await cache.aset("k", "v")
    proxy.fault = swallow
    call = asyncio.create_task(cache.aget("k"))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.wait([call])
    proxy.fault = healthy
    await until_async(lambda: open_in_loops(proxy, cache) == 0, "the connection is closed")
    assert await cache.aget("k") == "v"


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
            if await cache.aexecute("GET", cache.make_key(name)) is None:
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
    await no_task_is_left()
    assert clients(own_server) <= limit


@pytest.mark.parametrize("turns", range(1, 11))
async def test_what_a_cancelled_caller_was_to_forget_is_forgotten(
    own_server: Server, missing_cache: MakeCache, turns: int
) -> None:
    cache, witness = missing_cache(timeout=60), missing_cache(own_server.url, timeout=60)
    await cache.aset_many(dict.fromkeys(("a:1", "a:2", "b", "left"), 1))
    call = asyncio.create_task(cache.ainvalidate("a:*", keys=["b"], tags=["t"]))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert await cache.aget_many(["a:1", "a:2", "b", "left"]) == {"left": 1} or not call.cancelled()
    until_healed(cache)
    await until_async(lambda: witness.get_many(["a:1", "a:2", "b", "left"]) == {"left": 1}, "it is forgotten")


@pytest.mark.parametrize("turns", range(1, 5))
async def test_what_a_cancelled_caller_was_to_forget_is_gone_from_an_embedded_store(
    make_cache: MakeCache, prefix: str, turns: int
) -> None:
    cache = make_cache(f"memory://{prefix}")
    await cache.aset_many({**{f"a:{number}": 1 for number in range(20_000)}, "b": 1, "left": 1})
    call = asyncio.create_task(cache.ainvalidate("a:*", keys=["b"]))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    assert await cache.akeys() == ["left"]
    assert cache.stats()["breaker"]["journal"] == 0


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
            # Before its first step a coroutine has done nothing, and a cancelled task never takes it.
            await asyncio.sleep(0)
            await asyncio.sleep(patience)
            call.cancel()
            await asyncio.wait([call])
        await until_async(lambda: own_server.execute("EXISTS", cache.make_key("k")) == 0, "it is deleted")
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


async def test_a_cancelled_write_leaves_no_copy_of_what_was_before(own_server: Server, make_cache: MakeCache) -> None:
    import hitrate

    cache = make_cache(own_server.url, timeout=60, local=hitrate.Local(max_bytes=1 << 20, max_staleness=60))
    for number in range(50):
        await cache.aset("k", f"old{number}")
        writing = asyncio.create_task(cache.aset("k", f"new{number}"))
        reading = asyncio.create_task(cache.aget("k"))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing, reading])
        # Whatever was read, it came after the write on the same connection.
        assert await cache.aget("k") == own_value(own_server, cache)


def own_value(server: Server, cache: Any) -> Any:
    import pickle

    return pickle.loads(server.execute("GET", cache.make_key("k")))


async def test_a_lock_whose_wait_is_cancelled_is_not_held_afterwards(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    for number in range(50):
        async with cache.lock(f"job{number}"):
            waiting = asyncio.create_task(cache.lock(f"job{number}", sleep=0.001).aacquire())
            await asyncio.sleep(number / 10_000)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_delayed_server_answers_everybody_but_the_cancelled(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    names = [f"k{number}" for number in range(100)]
    await cache.aset_many({name: name for name in names})
    proxy.fault = delay(0.05)
    calls = [asyncio.create_task(cache.aget(name)) for name in names]
    await asyncio.sleep(0.01)
    for call in calls[::3]:
        call.cancel()
    found = await asyncio.gather(*calls, return_exceptions=True)
    for position, (name, value) in enumerate(zip(names, found, strict=True)):
        if position % 3 == 0:
            assert isinstance(value, asyncio.CancelledError)
        else:
            assert value == name
