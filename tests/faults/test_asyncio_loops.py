"""Event loops: several, in threads, one after the other, closed, forked; none leaves a connection or a task."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import hitrate
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, run_python, until
from tests.faults.event_loops import NewLoop, clients, every_loop, no_task_is_left, open_sockets, read_back, run
from tests.faults.test_fork import Child


@every_loop
def test_loops_that_end_leave_no_connection_open(own_server: Server, make_cache: MakeCache, new_loop: NewLoop) -> None:
    cache = make_cache(own_server.url, timeout=60)
    run(new_loop, asyncio.sleep(0))
    before = open_sockets()
    for number in range(50):
        assert run(new_loop, read_back(cache, number)) == number
    assert open_sockets() <= before + 1
    until(lambda: clients(own_server) <= 1, "the server sees them closed")


def test_asyncio_run_may_be_called_again_and_again(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    assert [asyncio.run(read_back(cache, number)) for number in range(20)] == list(range(20))
    until(lambda: clients(own_server) == 0, "the server sees them closed")


# Whoever closes a loop so is told by asyncio that transports were open.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_closed_without_a_word_hurts_no_later_loop(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    for number in range(20):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(read_back(cache, number)) == number
        loop.close()
    assert asyncio.run(read_back(cache, 1)) == 1
    # What such a loop had open is closed with it, when the next one begins.
    gc.collect()
    until(lambda: clients(own_server) == 0, "the server sees them closed")


@every_loop
def test_caches_that_are_dropped_leave_no_connection_open_in_a_loop_that_goes_on(
    own_server: Server, start_server: Any, new_loop: NewLoop
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
        await no_task_is_left()
        return open_sockets() - before

    assert run(new_loop, use_and_drop()) <= 1


@every_loop
def test_many_loops_in_many_threads_share_a_cache(own_server: Server, make_cache: MakeCache, new_loop: NewLoop) -> None:
    cache = make_cache(own_server.url, timeout=60)
    run(new_loop, asyncio.sleep(0))
    wrong: list[Any] = []
    failures: list[BaseException] = []

    async def work(name: str) -> None:
        await cache.aset(name, name)
        found = await asyncio.gather(*(cache.aget(name) for _ in range(200)))
        wrong.extend(value for value in found if value != name)
        cache.get(name)  # a blocking call beside them

    def run_loops(name: str) -> None:
        try:
            for _ in range(5):
                run(new_loop, work(name))
        except BaseException as failure:  # noqa: BLE001 (the test raises it)
            failures.append(failure)

    threads = [threading.Thread(target=run_loops, args=(f"k{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert wrong == []


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_switching")
def test_threads_that_begin_loops_at_once_do_not_trip_over_closed_ones(make_cache: MakeCache) -> None:
    cache = make_cache()
    failures: list[BaseException] = []
    begin = threading.Barrier(8)

    def run_loops() -> None:
        begin.wait()
        for _ in range(500):
            loop = asyncio.new_event_loop()
            try:
                # It looks for its connections, as every call does, without the time that a server takes.
                loop.run_until_complete(cache.aclose())
            except Exception as failure:  # noqa: BLE001 (the test shows it)
                failures.append(failure)
            finally:
                loop.close()

    threads = [threading.Thread(target=run_loops) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_two_loops_that_take_turns_keep_their_connections(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    loops = [asyncio.new_event_loop() for _ in range(2)]
    for number in range(50):
        for loop in loops:
            assert loop.run_until_complete(read_back(cache, number)) == number
    assert clients(own_server) == 2
    for loop in loops:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    until(lambda: clients(own_server) == 0, "the server sees them closed")


@every_loop
def test_a_loop_closed_in_the_middle_of_calls_hurts_no_later_loop(
    own_server: Server, make_cache: MakeCache, new_loop: NewLoop
) -> None:
    cache = make_cache(own_server.url, timeout=60)
    cache.set("k", "v")

    async def abandon() -> None:
        calls = [asyncio.ensure_future(cache.aget("k")) for _ in range(20)]
        await asyncio.sleep(0.001)
        assert len(calls) == 20  # they are cancelled at the end of the loop

    for _ in range(10):
        run(new_loop, abandon())
        assert run(new_loop, read_back(cache, 1)) == 1
    assert cache.get("k") == 1


async def test_aclose_closes_the_connections_of_the_running_loop(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    await asyncio.gather(*(cache.aexecute("PING") for _ in range(5)), cache.aset("k", 1))
    cache.get("k")
    before = clients(own_server)
    assert before > 2
    await cache.aclose()
    await asyncio.sleep(0)
    until(lambda: clients(own_server) == 0, "the server sees them closed")
    assert await cache.aget("k") == 1
    assert clients(own_server) == 1


async def test_aclose_lets_calls_on_their_way_arrive(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    await cache.aset("k", 1)
    calls = [asyncio.create_task(cache.aincr("k")) for _ in range(50)]
    await asyncio.sleep(0)
    await cache.aclose()
    assert await asyncio.gather(*calls) == list(range(2, 52))
    await no_task_is_left()
    until(lambda: clients(own_server) == 0, "the server sees them closed")


forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    # Python 3.12 and newer warn of exactly what is tested here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


async def many(cache: hitrate.Cache, name: str) -> int:
    """Store and read values that only this process has; count answers that are somebody else's."""
    names = [f"{name}-{number}" for number in range(100)]
    await cache.aset_many({key: key for key in names})
    found = await asyncio.gather(*(cache.aget(key) for key in names))
    return sum(got != key for got, key in zip(found, names, strict=True))


@pytest.mark.parametrize("mark", [pytest.param(None, marks=forks)], ids=["fork"])
def test_a_child_forked_from_an_open_loop_has_connections_of_its_own(
    own_server: Server, make_cache: MakeCache, mark: None
) -> None:
    cache = make_cache(own_server.url, timeout=60)

    async def fork_amid_calls() -> None:
        await many(cache, "before")
        ours = [asyncio.create_task(many(cache, f"parent-{number}")) for number in range(5)]
        await asyncio.sleep(0)
        child = Child(lambda: in_another_loop(cache))
        assert await asyncio.gather(*ours) == [0] * 5
        assert child.result() == 0
        assert await many(cache, "after") == 0
        assert clients(own_server) == 1

    asyncio.run(fork_amid_calls())


REENTRANT = """
import asyncio, sys
import hitrate
from hitrate.aio.pool import Pool
placed = []
place = Pool.place
def remember(pool, pending):
    placed.append(pending)
    place(pool, pending)
Pool.place = remember
asked = []
class Value:
    def ask(self):
        # As the pool does when its timer goes off, which code that turns the loop lets happen right here.
        asked.extend((pending.left, pending.is_over()) for pending in placed)
    def __getstate__(self):
        self.ask()
        return {"v": 1}
    def __setstate__(self, state):
        self.ask()
async def main():
    cache = hitrate.Cache(sys.argv[1], prefix="p", serializer="pickle", timeout=60, bulk_timeout=60, on_error="raise")
    values = {str(number): Value() for number in range(600)}
    assert await cache.aset_many(values) == []
    assert len(await cache.aget_many(list(values))) == 600
    assert len(asked) > 1200
asyncio.run(main())
"""


def test_a_value_whose_code_comes_back_to_the_loop_does_not_hang_the_process(own_server: Server) -> None:
    ended = run_python(REENTRANT, own_server.url)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def in_another_loop(cache: hitrate.Cache) -> int:
    """As `many`, in a child: asyncio still believes that its parent's loop runs."""
    wrong: list[int] = []
    if sys.version_info < (3, 12):
        return asyncio.new_event_loop().run_until_complete(many(cache, "child"))
    thread = threading.Thread(target=lambda: wrong.append(asyncio.run(many(cache, "child"))))
    thread.start()
    thread.join()
    return wrong[0]
