"""Many calls over one connection, and what goes wrong with that: long values, deaths, halves, replies too many."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable

import pytest

from hitrate.exceptions import ProtocolError, ServerConnectionError, ServerError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, eventually, until_healed
from tests.faults.event_loops import NewLoop, clients, every_loop, no_task_is_left, run
from tests.faults.proxy import Cut, Link, Proxy, healthy, trickle, truncate

NAMES = [f"k{number}" for number in range(64)]


@every_loop
def test_calls_of_many_tasks_share_one_connection_and_one_write(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60)

    async def work() -> None:
        await cache.aset_many({name: name for name in NAMES})
        for _ in range(20):
            assert await asyncio.gather(*map(cache.aget, NAMES)) == NAMES
        assert clients(own_server) == 1
        before = int(own_server.info("stats")["total_reads_processed"])
        assert await asyncio.gather(*map(cache.aget, NAMES)) == NAMES
        # The one that asks reads once, too.
        assert int(own_server.info("stats")["total_reads_processed"]) - before <= 4
        await no_task_is_left()

    run(new_loop, work())


@every_loop
def test_a_long_value_on_its_way_does_not_hold_up_short_ones(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60)

    async def work() -> None:
        long = "x" * (8 << 20)
        await cache.aset("long", long)
        await cache.aset_many({name: name for name in NAMES})
        for _ in range(5):
            found, *rest = await asyncio.gather(cache.aget("long"), *map(cache.aget, NAMES * 5))
            assert found == long
            assert rest == NAMES * 5
        assert clients(own_server) <= 64

    run(new_loop, work())


async def test_a_value_that_comes_byte_by_byte_lets_others_past(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({"long": "x" * 200_000, "short": "s"})
    slow: set[Link] = set()

    async def slowly(link: Link, data: bytes) -> None:
        if slow and link not in slow:
            await link.deliver(data)
            return
        slow.add(link)
        for begin in range(0, len(data), 5000):
            await link.deliver(data[begin : begin + 5000])
            await asyncio.sleep(0.02)

    proxy.fault = slowly
    long = asyncio.create_task(cache.aget("long"))
    await asyncio.sleep(0.3)
    assert not long.done()
    assert await asyncio.gather(*(cache.aget("short") for _ in range(20))) == ["s"] * 20
    assert not long.done()
    proxy.fault = healthy
    assert await long == "x" * 200_000


@every_loop
def test_a_server_that_takes_nothing_more_makes_calls_wait_and_not_memory_grow(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=2)

    async def work() -> None:
        values = {f"v{number}": "x" * (1 << 20) for number in range(30)}
        await asyncio.gather(*(cache.aset(key, value) for key, value in values.items()))
        found = await asyncio.gather(*map(cache.aget, values))
        assert found == list(values.values())
        assert clients(own_server) <= 2

    run(new_loop, work())


@pytest.mark.parametrize("after_bytes", [0, 1, 5, 100, 1000])
async def test_a_connection_that_dies_in_the_middle_of_a_pipeline_is_followed_by_another_try(
    proxy: Proxy, make_cache: MakeCache, after_bytes: int
) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({name: name for name in NAMES})

    calls = [asyncio.create_task(cache.aget(name)) for name in NAMES]
    dying: set[Link] = set()
    cut = truncate(after_bytes)

    async def die_once(link: Link, data: bytes) -> None:
        if not dying:
            dying.add(link)
        if link in dying:
            if after_bytes == 0:
                raise Cut
            await cut(link, data)
        else:
            await link.deliver(data)

    proxy.fault = die_once
    assert await asyncio.gather(*calls) == NAMES
    assert proxy.connections == 2
    assert cache.stats()["retries"] > 0
    assert cache.stats()["breaker"]["opened"] == 0


async def test_what_may_not_be_repeated_fails_with_the_connection_and_says_so(
    proxy: Proxy, make_cache: MakeCache
) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset("counter", 0)

    async def cut_all(link: Link, data: bytes) -> None:
        raise Cut

    calls = [asyncio.create_task(cache.aincr("counter")) for _ in range(10)]
    proxy.fault = cut_all
    found = await asyncio.gather(*calls, return_exceptions=True)
    proxy.fault = healthy
    assert {type(failure) for failure in found} == {ServerConnectionError}
    # Reset, where some of what was sent had not been read.
    assert re.search("the server closed it|reset by peer", str(found[0]), re.IGNORECASE)
    until_healed(cache)
    # None was counted twice.
    assert await cache.aincr("counter") <= 11


async def test_a_server_killed_in_the_middle_of_a_pipeline_fails_every_call_and_leaks_nothing(
    own_server: Server, make_cache: MakeCache
) -> None:
    cache = make_cache(own_server.url, timeout=2)
    await cache.aset_many({name: name for name in NAMES})
    own_server.stop()
    calls = [asyncio.create_task(cache.aget(name)) for name in NAMES]
    await asyncio.sleep(0.1)
    own_server.kill()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(failure, ServerError) for failure in found), found
    await no_task_is_left()
    own_server.start()


async def test_replies_that_come_byte_by_byte_find_their_calls(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({name: name for name in NAMES})
    proxy.fault = trickle(0)
    assert await asyncio.gather(*map(cache.aget, NAMES)) == NAMES


async def test_one_reply_too_many_fails_all_that_came_with_it(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({name: name for name in NAMES})
    held = bytearray()

    async def all_and_one_more(link: Link, data: bytes) -> None:
        # Behind fewer it would be taken for the reply to the next call, which nobody could tell.
        held.extend(data)
        if held.count(b"$") == len(NAMES):
            await link.deliver(bytes(held) + b"$3\r\nbad\r\n")

    proxy.fault = all_and_one_more
    found = await asyncio.gather(*map(cache.aget, NAMES), return_exceptions=True)
    # Any of them may have the reply of another.
    for name, got in zip(NAMES, found, strict=True):
        assert got == name or isinstance(got, ProtocolError), got
    assert any(isinstance(got, ProtocolError) for got in found)
    proxy.fault = healthy
    assert await asyncio.gather(*map(cache.aget, NAMES)) == NAMES


async def test_a_reply_that_nobody_asked_for_closes_the_connection(proxy: Proxy, make_cache: MakeCache) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset("k", "v")

    async def speak_twice(link: Link, data: bytes) -> None:
        await link.deliver(data)
        if data.startswith(b"$"):  # no greeting, behind which a call follows at once
            await asyncio.sleep(0.02)
            await link.deliver(b"$3\r\nbad\r\n")

    proxy.fault = speak_twice
    for _ in range(10):
        assert await cache.aget("k") == "v"
        await asyncio.sleep(0.05)
    assert proxy.connections > 5


@pytest.mark.parametrize(
    "mutate", [lambda data: b"HTTP/1.1 400\r\n\r\n", lambda data: data[:3] + b"\x00" + data[4:]], ids=["http", "nul"]
)
async def test_garbage_fails_one_call_and_the_others_are_asked_again(
    proxy: Proxy, make_cache: MakeCache, mutate: Callable[[bytes], bytes]
) -> None:
    cache = make_cache(proxy.url, timeout=60)
    await cache.aset_many({name: name for name in NAMES})
    spoiled: set[Link] = set()

    async def spoil_once(link: Link, data: bytes) -> None:
        if spoiled:
            await link.deliver(data)
        else:
            spoiled.add(link)
            await link.deliver(mutate(data))

    proxy.fault = spoil_once
    found = await asyncio.gather(*map(cache.aget, NAMES), return_exceptions=True)
    failed = [got for got in found if not isinstance(got, str)]
    assert len(failed) <= 1
    assert all(isinstance(got, ProtocolError) for got in failed), failed
    for name, got in zip(NAMES, found, strict=True):
        assert got == name or got in failed


async def test_connections_cut_at_random_never_give_a_wrong_answer(
    proxy: Proxy, missing_cache: MakeCache, seconds: float
) -> None:
    cache = missing_cache(proxy.url, timeout=1)
    await cache.aset_many({name: name for name in NAMES})
    chance, answers = random.Random(3), {"hit": 0, "miss": 0}

    async def cut_at_times(link: Link, data: bytes) -> None:
        if chance.random() < 0.02:
            await link.deliver(data[: chance.randrange(len(data))])
            raise Cut
        await link.deliver(data)

    proxy.fault = cut_at_times
    give_up = asyncio.get_running_loop().time() + seconds

    async def call(name: str) -> None:
        while asyncio.get_running_loop().time() < give_up:
            value = await cache.aget(name)
            assert value in {name, None}
            answers["hit" if value else "miss"] += 1
            await asyncio.sleep(0)

    await asyncio.gather(*map(call, NAMES))
    assert answers["hit"] > 0
    assert cache.stats()["retries"] > 0
    await no_task_is_left()


@every_loop
def test_calls_that_wait_for_room_do_not_storm_a_server_that_is_full(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60)

    async def work() -> None:
        await cache.aset_many({name: name for name in NAMES})
        await cache.aexecute("CONFIG", "SET", "maxclients", "1")
        holding = asyncio.create_task(cache.aexecute("BLPOP", "nobody fills it", "0.6"))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(cache.aexecute("BLPOP", "nobody fills it", "0.01")) for _ in range(8)]
        assert await asyncio.gather(*map(cache.aget, NAMES)) == NAMES
        assert await asyncio.gather(holding, *waiting) == [None] * 9
        info = (await cache.aexecute("INFO", "stats")).decode()
        rejected = int(info.partition("rejected_connections:")[2].split()[0])
        # Eight at first, then one by one with pauses that double, however fast it refuses them.
        assert 0 < rejected <= 30

    run(new_loop, work())


async def test_calls_that_were_turned_down_get_connections_when_there_is_room(
    own_server: Server, make_cache: MakeCache
) -> None:
    cache, other = make_cache(own_server.url, timeout=60), make_cache(own_server.url, timeout=60)
    await cache.aexecute("PING")
    other.execute("CONFIG", "SET", "maxclients", "2")
    waiting = [asyncio.create_task(cache.aexecute("BLPOP", "list", "0")) for _ in range(3)]

    def stat(name: str) -> int:
        info: bytes = other.execute("INFO")
        return int(info.partition(f"{name}:".encode())[2].split()[0])

    async def has(name: str, least: int) -> bool:
        return stat(name) >= least

    await eventually(lambda: has("rejected_connections", 4), "the server turned connections down")
    other.execute("CONFIG", "SET", "maxclients", "100")
    await eventually(lambda: has("blocked_clients", 3), "all have a connection")
    other.execute("RPUSH", "list", 1, 2, 3)
    assert sorted(value for _, value in await asyncio.gather(*waiting)) == [b"1", b"2", b"3"]
