"""Deadlines of calls that share a connection: who is late fails alone."""

from __future__ import annotations

import asyncio
import random

import pytest

from hitrate.exceptions import ServerTimeoutError
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, MakeCache
from tests.faults.event_loops import clients, open_in_loops, until_async
from tests.faults.proxy import Link, Proxy, delay, healthy


async def test_the_reply_to_a_call_that_was_late_is_for_nobody(proxy: Proxy, make_cache: MakeCache) -> None:
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


async def test_reads_behind_a_late_call_are_answered_over_another_connection(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=1.0)
    await cache.aset_many({f"k{number}": number for number in range(20)})
    held: set[Link] = set()

    async def hang_on_the_first(link: Link, data: bytes) -> None:
        held.add(link) if not held else None
        if link not in held:
            await link.deliver(data)

    proxy.fault = hang_on_the_first
    late = asyncio.create_task(cache.aget("k0"))
    await until_async(lambda: held, "the connection hangs")
    await asyncio.sleep(0.7)
    # They have more than half of their time left when the first is late.
    others = [asyncio.create_task(cache.aget(f"k{number}")) for number in range(20)]
    with pytest.raises(ServerTimeoutError):
        await late
    assert await asyncio.gather(*others) == list(range(20))
    assert cache.stats()["retries"] >= 20
    await until_async(lambda: open_in_loops(proxy, cache) == 1, "the one that hangs is closed")


async def test_a_counter_behind_a_late_call_is_counted_once(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=1.0)
    await cache.aset_many({"late": 1, "counter": 0})
    first = True

    async def late_once(link: Link, data: bytes) -> None:
        nonlocal first
        late, first = first, False
        await asyncio.sleep(1.2 if late else 0)
        await link.deliver(data)

    proxy.fault = late_once
    late = asyncio.create_task(cache.aget("late"))
    await asyncio.sleep(0.7)
    counting = [asyncio.create_task(cache.aincr("counter")) for _ in range(5)]
    with pytest.raises(ServerTimeoutError):
        await late
    # An increment is never sent twice: it waits for its reply on the connection that is given up.
    assert await asyncio.gather(*counting) == [1, 2, 3, 4, 5]
    await until_async(lambda: open_in_loops(proxy, cache) == 0, "the connection given up is closed")
    assert await cache.aincr("counter") == 6


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
            # Who misses because the breaker is open leaves the processor to the thread that may close it.
            await asyncio.sleep(0 if value else 0.001)

    await asyncio.gather(*map(call, names))
    assert min(answers.values()) > 0, answers
    proxy.fault = healthy
    await until_async(lambda: cache.stats()["breaker"]["state"] == "closed", "the breaker is closed")
    assert await cache.aget("k3") == "k3"


async def test_a_slot_wait_ends_at_the_deadline_and_names_the_option(proxy: Proxy, make_cache: MakeCache) -> None:
    # Commands of the caller's own have a connection for themselves, for nobody knows how long they take.
    cache = make_cache(proxy.url, timeout=0.5, max_connections=2)
    await cache.aset("k", 1)
    key = cache.make_key("k")
    proxy.fault = delay(0.4)
    results = await asyncio.gather(*(cache.aexecute("EXISTS", key) for _ in range(10)), return_exceptions=True)
    assert 1 in results
    late = [result for result in results if isinstance(result, ServerTimeoutError)]
    assert any("max_connections" in str(error) for error in late)
    # Two, and the PING of the breaker. The proxy sees the end of one when it has delivered its reply.
    await until_async(lambda: proxy.open_connections <= 3, "no more connections are open than may be")


async def test_a_command_that_blocks_holds_up_no_other_call(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    await cache.aset("k", 1)
    blocking = asyncio.create_task(cache.aexecute("BLPOP", "list", 0))
    await until_async(lambda: "blpop" in own_server.execute("CLIENT", "LIST").decode(), "it blocks")
    assert await asyncio.gather(*(cache.aget("k") for _ in range(100))) == [1] * 100
    assert not blocking.done()
    own_server.execute("RPUSH", "list", "x")
    assert await blocking == [b"list", b"x"]
    assert clients(own_server) == 2


async def test_with_one_connection_long_and_short_calls_take_turns(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=1)
    await cache.aset("k", 1)
    key = cache.make_key("k")

    done = {"short": 0, "long": 0}

    async def short() -> None:
        while done["short"] < 200 or done["long"] < 50:
            assert await cache.aget("k") == 1
            done["short"] += 1

    async def long() -> None:
        while done["short"] < 200 or done["long"] < 50:
            assert await cache.aexecute("EXISTS", key) == 1
            done["long"] += 1

    # Each kind goes on until both were served often enough: if one had to wait for the other, it would be for ever.
    await asyncio.wait_for(asyncio.gather(*(work() for _ in range(8) for work in (short, long))), 60)
    assert clients(own_server) == 1
