"""Forks: a child never touches what it inherited, and never disturbs its parent."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen, until, until_healed

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    # Python 3.12 and newer warn of exactly what is tested here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
READS = 100_000
LIMIT = 120


class Child:
    """A forked child that runs a function; `result` is what it returned."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reader)
            # Whatever happens, this must not come back into pytest.
            try:
                signal.alarm(LIMIT)  # hangs end with SIGALRM
                answer = (True, work())
            except BaseException:  # noqa: BLE001 (the parent raises it)
                answer = (False, traceback.format_exc())
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(answer, pipe)
            os._exit(0)
        os.close(writer)

    def result(self) -> Any:
        with os.fdopen(self._reader, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        assert status == 0, f"the child ended with status {status}; a hang ends with {signal.SIGALRM}"
        succeeded, answer = pickle.loads(data)
        assert succeeded, answer
        return answer


def in_child(work: Callable[[], Any]) -> Any:
    return Child(work).result()


def sockets() -> set[str]:
    """The sockets this process has open."""
    return set(descriptors().values())


def descriptors() -> dict[int, str]:
    """The descriptors of the sockets this process has open, with the socket's number in the system."""
    links = {int(link.name): link for link in Path("/proc/self/fd").iterdir()}
    found = {fd: str(link.readlink()) for fd, link in links.items() if link.is_symlink()}
    return {fd: target for fd, target in found.items() if target.startswith("socket:")}


def read_own(cache: hitrate.Cache, reads: int) -> int:
    """Read keys that only this process has; count answers that are somebody else's, or nobody's."""
    me = os.getpid()
    for number in range(10):
        cache.set(f"{me}:{number}", [me, number])
    return sum(cache.get(f"{me}:{n % 10}") != [me, n % 10] for n in range(reads))


def test_children_and_parent_read_only_their_own(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    assert read_own(cache, 10) == 0
    children = [Child(lambda: read_own(cache, READS // 5)) for _ in range(4)]
    assert read_own(cache, READS // 5) == 0
    assert [child.result() for child in children] == [0] * 4
    assert read_own(cache, 10) == 0


def test_a_child_reads_with_threads_what_its_parent_reads_with_threads(
    own_server: Server, make_cache: MakeCache
) -> None:
    cache = make_cache(own_server.url, timeout=60)

    def read_in_threads() -> int:
        crossed: list[int] = []
        threads = [threading.Thread(target=lambda: crossed.append(read_own(cache, 1000))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(crossed) == 4
        return sum(crossed)

    assert read_in_threads() == 0  # leaves several idle connections
    children = [Child(read_in_threads) for _ in range(3)]
    assert read_in_threads() == 0
    assert [child.result() for child in children] == [0] * 3


def test_forks_in_the_middle_of_other_threads_calls_neither_hang_nor_cross(
    own_server: Server, make_cache: MakeCache, seconds: float
) -> None:
    cache = make_cache(own_server.url, timeout=60)
    ended, crossed = threading.Event(), []

    def call(number: int) -> None:
        while not ended.is_set():
            cache.set(f"thread:{number}", number)
            if cache.get(f"thread:{number}") != number:
                crossed.append(number)
            cache.get_many([f"thread:{number}"] * 3)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    forks, give_up = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < give_up or forks < 10:
            assert in_child(lambda: read_own(cache, 20)) == 0
            forks += 1
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert crossed == []
    assert cache.stats()["pool"]["in_use"] == 0


def test_a_child_closes_the_sockets_it_inherited(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    foreign = sockets()
    cache.set("k", 1)
    inherited = sockets() - foreign
    assert len(inherited) == 1

    def look() -> tuple[set[str], int]:
        assert cache.get("k") == 1
        return sockets(), cache.stats()["pool"]["open"]

    left, opened = in_child(look)
    assert left & inherited == set()
    assert opened == 1
    assert len(left - foreign) == 1


def test_a_child_that_gave_the_descriptors_to_other_files_keeps_these_open(
    own_server: Server, make_cache: MakeCache, tmp_path: Path
) -> None:
    cache, foreign = make_cache(own_server.url, timeout=60), set(descriptors())
    cache.set("k", 1)
    mine, *others = set(descriptors()) - foreign
    assert others == []

    def become_a_daemon() -> tuple[str, bytes]:
        # What every daemonizing program does: close what was inherited; the next file opened gets the number.
        os.close(mine)
        log = os.open(tmp_path / "log", os.O_CREAT | os.O_RDWR)
        os.dup2(log, mine)
        assert cache.get("k") == 1
        os.write(mine, b"still mine\n")
        target = str(Path(f"/proc/self/fd/{mine}").readlink())
        assert cache.get("k") == 1
        return target, (tmp_path / "log").read_bytes()

    target, written = in_child(become_a_daemon)
    assert target == str(tmp_path / "log")
    assert written == b"still mine\n"


@pytest.mark.parametrize("way", ["_exit", "sys.exit", "close", "del"])
def test_a_child_that_ends_leaves_its_parents_connections_alone(
    own_server: Server, make_cache: MakeCache, way: str
) -> None:
    cache = make_cache(own_server.url, timeout=60)
    cache.set("k", "v")
    for _ in range(5):

        def end() -> None:
            nonlocal cache
            if way == "close":
                cache.close()
            elif way == "del":
                del cache
            elif way == "sys.exit":
                # All of an orderly end that can be had without running pytest's own.
                sys.exc_info()
                cache.get("k")
                cache.close()

        in_child(end)
        assert cache.get("k") == "v"
    stats = cache.stats()
    assert stats["pool"]["connects"] == 1
    assert stats["retries"] == 0


def test_grandchildren_read_only_their_own(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)
    cache.set("k", 0)

    def descend(generations: int) -> list[int]:
        # Every other generation uses the cache before it forks.
        used = generations % 2 == 0 and read_own(cache, 50)
        below = in_child(lambda: descend(generations - 1)) if generations else []
        return [int(used), read_own(cache, 50), *below]

    assert sum(descend(5)) == 0


def test_a_child_forked_while_the_breaker_is_open_recovers_by_itself(
    own_server: Server, missing_cache: MakeCache
) -> None:
    cache = missing_cache(timeout=0.2)
    cache.set("k", "v")
    cache.set("gone", "v")
    reader, writer = os.pipe()
    with frozen(own_server):
        cache.delete("gone")
        assert cache.stats()["breaker"]["state"] == "open"

        def recover() -> tuple[Any, Any]:
            assert cache.get("k") is None
            opened = cache.stats()["breaker"]["opened"]
            os.write(writer, b"!")
            until_healed(cache)
            until(lambda: cache.get("k") == "v", "hits are back")
            return opened, cache.stats()["breaker"]["state"]

        child = Child(recover)
        assert os.read(reader, 1) == b"!"
    assert child.result() == (1, "closed")
    until_healed(cache)
    assert (cache.get("k"), cache.get("gone")) == ("v", None)
    os.close(reader)
    os.close(writer)


def test_a_fork_from_a_thread_while_others_wait_for_a_slot_works(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60, max_connections=1)
    ended = threading.Event()
    threads = [threading.Thread(target=lambda: [cache.get("k") for _ in iter(ended.is_set, True)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    results: list[int] = []
    forking = threading.Thread(target=lambda: results.extend(in_child(lambda: read_own(cache, 20)) for _ in range(20)))
    forking.start()
    forking.join()
    ended.set()
    for thread in threads:
        thread.join()
    assert results == [0] * 20


def read_in_worker(settings: tuple[str, str]) -> int:
    url, prefix = settings
    return read_own(CACHES.setdefault(url, hitrate.Cache(url, prefix=prefix, on_error="raise", timeout=30)), 500)


CACHES: dict[str, hitrate.Cache] = {}


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_workers_read_only_their_own(own_server: Server, prefix: str, method: str) -> None:
    settings = (own_server.url, prefix)
    assert read_in_worker(settings) == 0  # a forked worker inherits this cache with its connection
    with multiprocessing.get_context(method).Pool(3) as pool:
        assert pool.map(read_in_worker, [settings] * 12) == [0] * 12
    assert read_in_worker(settings) == 0
    CACHES.pop(own_server.url).close()


def test_a_child_of_an_async_program_opens_connections_of_its_own(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url, timeout=60)

    async def read() -> int:
        me = os.getpid()
        await cache.aset(f"{me}", me)
        found = await asyncio.gather(*(cache.aget(f"{me}") for _ in range(200)))
        return sum(value != me for value in found)

    async def fork_and_read() -> list[int]:
        await read()
        child = Child(lambda: run_in_new_thread(read))
        mine = await read()
        return [mine, await asyncio.to_thread(child.result), await read()]

    assert asyncio.run(fork_and_read()) == [0, 0, 0]


def run_in_new_thread(work: Callable[[], Any]) -> Any:
    """Run a coroutine function in a thread without a running loop: that of the parent is inherited by this one."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(work())))
    thread.start()
    thread.join()
    return found[0]
