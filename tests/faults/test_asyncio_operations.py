"""Operations of many tasks, cancelled and timed out at random: every reply is that of its key, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable
from typing import Any

from hitrate.exceptions import ServerTimeoutError, ServerUnavailableError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until
from tests.faults.event_loops import NewLoop, clients, every_loop, no_task_is_left, open_in_loops, open_sockets, run
from tests.faults.proxy import Link, Proxy

TASKS = 200
OPERATIONS = int(os.environ.get("HITRATE_OPERATIONS") or 5000)
SEED = 7


class Worker:
    """One task's keys, which nobody else writes, and what they may hold."""

    def __init__(self, cache: Any, number: int, outcomes: Counter[str]) -> None:
        self._cache = cache
        self._names = [f"w{number}-{key}" for key in range(5)]
        self._holds: dict[str, Any] = dict.fromkeys(self._names)
        # What was given up, or failed, may have been done, or be done yet: a deletion is replayed.
        self._given_up: dict[str, Counter[Any]] = {name: Counter() for name in self._names}
        self._chance = random.Random(SEED * 1000 + number)
        self._outcomes = outcomes
        self._serial = 0

    async def work(self, operations: int) -> None:
        for _ in range(operations):
            name = self._chance.choice(self._names)
            call = self._chance.choice(
                [self._get, self._get, self._get, self._set, self._delete, self._many, self._raw]
            )
            fate = self._chance.random()
            if fate < 0.7:
                await self._counted(call, name)
                continue
            task = asyncio.create_task(self._counted(call, name))
            if fate < 0.85:
                for _ in range(self._chance.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            else:
                await asyncio.wait([task], timeout=self._chance.choice([0, 0.0005, 0.002, 0.01]))
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def _counted(self, call: Any, name: str) -> None:
        try:
            await call(name)
        except ServerTimeoutError:
            self._outcomes["timeout"] += 1
        except ServerUnavailableError:
            # The PING of the breaker stumbled, too.
            self._outcomes["unavailable"] += 1
        except asyncio.CancelledError:
            self._outcomes["cancelled"] += 1
            raise
        else:
            self._outcomes["done"] += 1

    def _saw(self, name: str, value: Any) -> None:
        if value != self._holds[name] and not self._given_up[name][value]:
            self._outcomes["crossed"] += 1

    async def _get(self, name: str) -> None:
        self._saw(name, await self._cache.aget(name))

    async def _many(self, name: str) -> None:
        found = await self._cache.aget_many(self._names)
        for each in self._names:
            self._saw(each, found.get(each))

    async def _raw(self, name: str) -> None:
        # One that has a connection for itself.
        echoed = await self._cache.aexecute("ECHO", name)
        if echoed != name.encode():
            self._outcomes["crossed"] += 1

    async def _set(self, name: str) -> None:
        self._serial += 1
        value = f"{name}={self._serial}" + "x" * self._chance.choice([0, 0, 0, 30_000])
        await self._change(name, value, self._cache.aset(name, value))

    async def _delete(self, name: str) -> None:
        await self._change(name, None, self._cache.adelete(name))

    async def _change(self, name: str, value: Any, call: Awaitable[Any]) -> None:
        self._given_up[name][value] += 1
        await call
        self._given_up[name][value] -= 1
        self._holds[name] = value


async def hammer(cache: Any, operations: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    workers = [Worker(cache, number, outcomes) for number in range(TASKS)]
    await asyncio.gather(*(worker.work(operations // TASKS) for worker in workers))
    await no_task_is_left()
    return outcomes


@every_loop
def test_operations_cancelled_at_random_get_their_own_replies_and_leave_nothing(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=8)
    run(new_loop, asyncio.sleep(0))
    before = open_sockets()
    outcomes = run(new_loop, hammer(cache, OPERATIONS))
    assert outcomes["crossed"] == 0, (SEED, outcomes)
    assert min(outcomes["done"], outcomes["cancelled"]) > 0, outcomes
    until(lambda: clients(own_server) == 0, "the server sees every connection closed")
    assert open_sockets() <= before


@every_loop
def test_operations_timed_out_and_cancelled_at_random_get_their_own_replies_and_leave_nothing(
    own_server: Server, proxy: Proxy, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(proxy.url, timeout=0.3, max_connections=8)
    chance = random.Random(SEED)
    run(new_loop, asyncio.sleep(0))
    before = open_sockets()

    async def stumble(link: Link, data: bytes) -> None:
        if chance.random() < 0.003:
            await asyncio.sleep(0.4)
        await link.deliver(data)

    async def until_timed_out() -> Counter[str]:
        outcomes = await hammer(cache, OPERATIONS)
        for _ in range(20):
            if outcomes["timeout"]:
                break
            outcomes += await hammer(cache, OPERATIONS)
        return outcomes

    proxy.fault = stumble
    outcomes = run(new_loop, until_timed_out())
    assert outcomes["crossed"] == 0, (SEED, outcomes)
    assert min(outcomes["done"], outcomes["cancelled"], outcomes["timeout"]) > 0, outcomes
    until(lambda: open_in_loops(proxy, cache) == 0, "the proxy sees every connection closed")
    until(lambda: open_sockets() <= before, "every socket is closed")
    until(lambda: clients(own_server) == 0, "the server sees every connection closed")
