"""A server that comes and goes under load: no exception out of reads, no wrong value, no stale one."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import HitrateError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until, until_healed
from tests.faults.proxy import Proxy, healthy, reset, swallow

THREADS = 8


class Worker(threading.Thread):
    """Uses keys that are its own, whose values say whose they are and how old."""

    def __init__(self, cache: hitrate.Cache, number: int, ended: threading.Event) -> None:
        super().__init__()
        self._cache = cache
        self._me = f"worker{number}"
        self._ended = ended
        self._chance = random.Random(number)
        self._keys = [f"{self._me}:{key}" for key in range(10)]
        self._written = dict.fromkeys(self._keys, 0)
        self.wrong: list[Any] = []
        self.hits = 0

    def run(self) -> None:
        try:
            # The pause leaves room for the proxy in this process: with the breaker open, reads take microseconds.
            while not self._ended.wait(0.0005):
                self._use(self._chance.choice(self._keys))
        except HitrateError as error:
            self.wrong.append(error)

    def _use(self, key: str) -> None:
        action = self._chance.random()
        if action < 0.3:
            self._written[key] += 1
            self._cache.set(
                key, {"key": key, "number": self._written[key], "padding": "x" * self._chance.randrange(2000)}
            )
        elif action < 0.4:
            self._cache.delete(key)
            self._expect_nothing(key)
        elif action < 0.5:
            for other, value in self._cache.get_many(self._keys).items():
                self._look(other, value)
        else:
            self._look(key, self._cache.get(key))

    def _expect_nothing(self, key: str) -> None:
        # Nobody else writes here, so whatever the server went through, this is gone.
        if (found := self._cache.get(key)) is not None:
            self.wrong.append(("deleted, and read again", key, found["number"], self._written[key]))

    def _look(self, key: str, value: Any) -> None:
        if value is None:
            return
        self.hits += 1
        if value["key"] != key or value["number"] > self._written[key]:
            self.wrong.append((key, value["key"], value["number"], self._written[key]))


def hammer(cache: hitrate.Cache, seconds: float, disturb: Callable[[random.Random], None]) -> None:
    ended = threading.Event()
    workers = [Worker(cache, number, ended) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    chance, give_up, disturbances = random.Random(4), time.monotonic() + seconds, 0
    try:
        while time.monotonic() < give_up or disturbances < 3:
            disturb(chance)
            disturbances += 1
            until_healed(cache)
            until_more_hits(workers)
    finally:
        ended.set()
        for worker in workers:
            worker.join()
    assert [wrong for worker in workers for wrong in worker.wrong] == []
    # Where the last disturbance ended late, the breaker may be asking whether the server is back.
    until(lambda: is_idle(cache), "no slot of the pool is in use, or waited for")


def is_idle(cache: hitrate.Cache) -> bool:
    pool = cache.stats()["pool"]
    return (pool["in_use"], pool["waiting"]) == (0, 0)


def until_more_hits(workers: list[Worker]) -> None:
    hits = sum(worker.hits for worker in workers)
    until(lambda: sum(worker.hits for worker in workers) > hits, "hits are back")


@pytest.fixture(params=[4, 64], ids=["slots-are-scarce", "slots-for-all"])
def cache(request: pytest.FixtureRequest, missing_cache: MakeCache) -> hitrate.Cache:
    return missing_cache(timeout=0.5, max_connections=request.param)


def test_a_server_killed_and_restarted_under_threads(own_server: Server, cache: hitrate.Cache, seconds: float) -> None:
    def kill_and_restart(chance: random.Random) -> None:
        own_server.kill()
        time.sleep(chance.choice([0, 0.01, 0.2]))
        own_server.start()

    hammer(cache, seconds, kill_and_restart)
    assert cache.stats()["breaker"]["opened"] > 0


def test_a_server_stopped_and_continued_under_threads(own_server: Server, cache: hitrate.Cache, seconds: float) -> None:
    def stop_and_continue(chance: random.Random) -> None:
        own_server.stop()
        time.sleep(chance.choice([0.1, 0.4, 0.5, 0.6, 1.0]))
        own_server.cont()

    hammer(cache, seconds, stop_and_continue)


def test_connections_cut_under_threads(proxy: Proxy, missing_cache: MakeCache, seconds: float) -> None:
    def cut(chance: random.Random) -> None:
        proxy.fault = chance.choice([healthy, reset, swallow])
        if chance.random() < 0.3:
            proxy.refuse()
        proxy.cut()
        time.sleep(chance.choice([0, 0.05, 0.3]))
        proxy.fault = healthy
        proxy.refuse()
        proxy.accept()

    hammer(missing_cache(proxy.url, timeout=1, max_connections=8), seconds, cut)


def test_a_server_flushed_and_its_clients_killed_under_threads(
    own_server: Server, cache: hitrate.Cache, seconds: float
) -> None:
    def disturb(chance: random.Random) -> None:
        own_server.execute(
            *chance.choice([["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], ["FLUSHALL"], ["SCRIPT", "FLUSH"]])
        )
        time.sleep(0.05)

    hammer(cache, seconds, disturb)
    assert cache.stats()["breaker"]["opened"] == 0


async def test_a_server_killed_and_restarted_under_tasks(
    own_server: Server, missing_cache: MakeCache, seconds: float
) -> None:
    cache = missing_cache(timeout=0.5, max_connections=8)
    names = [f"task{number}" for number in range(50)]
    wrong: list[Any] = []
    hits = 0

    async def use(name: str) -> None:
        nonlocal hits
        number = 0
        while True:
            number += 1
            await cache.aset(name, [name, number])
            for found in (await cache.aget(name), (await cache.aget_many([name])).get(name)):
                hits += found is not None
                if found is not None and (found[0] != name or found[1] > number):
                    wrong.append((name, number, found))
            await cache.adelete(name)
            if (found := await cache.aget(name)) is not None:
                wrong.append((name, "deleted", found))

    async def kill_and_restart() -> None:
        give_up, restarts = time.monotonic() + seconds, 0
        while time.monotonic() < give_up or restarts < 2:
            await asyncio.to_thread(own_server.restart)
            await asyncio.to_thread(until_healed, cache)
            before, restarts = hits, restarts + 1
            await asyncio.to_thread(until, lambda: hits > before, "hits are back")  # noqa: B023 (waited for here)

    users = [asyncio.create_task(use(name)) for name in names]
    await kill_and_restart()
    for user in users:
        user.cancel()
    ended = await asyncio.gather(*users, return_exceptions=True)
    assert [result for result in ended if not isinstance(result, asyncio.CancelledError)] == []
    assert wrong == []
