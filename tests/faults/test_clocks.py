"""
The wall clock jumps an hour ahead or back: ours while it waits and between calls, or the server's.

Deadlines, pauses and lifetimes in this process count monotonic time, so a jump of our clock must change nothing. The
server's lifetimes are its own: when its clock jumps, entries expire early or late, as they do for every client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hitrate
from hitrate.exceptions import LockNotOwnedError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, run_python, set_clock
from tests.faults.test_threads import in_threads
from tests.faults.wall_clock import WallClock
from tests.integration.conftest import Verbs

HOUR = 3600
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
# How a program calls: by the blocking verbs, by their twins, or by the blocking ones in gevent's hub.
STYLES = pytest.mark.parametrize("style", ["sync", "async", "gevent"])

# Every program: a clock that it sets itself, and proof that the clock jumped for Python and for the compiled module.
PREPARE = """
import sys
style, url, pid, clock, JUMP = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
if style == "gevent":
    from gevent import monkey
    monkey.patch_all()
import asyncio, logging, os, signal, threading, time
from pathlib import Path
import hitrate
from tests.faults.wall_clock import WallClock
logging.getLogger("hitrate").addHandler(logging.NullHandler())
clock, began = WallClock(Path(clock)), time.time()
def jump(seconds=JUMP):
    clock.jump(seconds)
    module = int(hitrate.Cache("memory://").execute("TIME")[0])
    for seen in (time.time(), module):
        assert abs(seen - began - seconds) < 1000, (seen - began, seconds)
def make(**options):
    return hitrate.Cache(url, **{"prefix": "clock", "serializer": "json", "on_error": "raise", **options})
def call(target, verb, *args, **options):
    if style == "async":
        return asyncio.run(getattr(target, "a" + verb)(*args, **options))
    return getattr(target, verb)(*args, **options)
def while_jumping(wait):
    \"\"\"Let the clock jump while it runs; returns its result, and its seconds by a clock that does not jump.\"\"\"
    jumper = threading.Timer(0.15, jump)
    jumper.start()
    since = time.monotonic()
    result = wait()
    took = time.monotonic() - since
    jumper.join()
    assert abs(time.time() - began - JUMP) < 1000
    return result, took
def until(condition):
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)
"""

Run = Callable[..., None]
"""What the fixture `run` is."""


@pytest.fixture
def run(own_server: Server, clock: WallClock, library: Path) -> Iterator[Run]:
    """Run a program whose clock jumps, on a server whose clock does not."""

    def run(program: str, *, jump: int, style: str = "sync", url: str | None = None) -> None:
        if style == "gevent":
            pytest.importorskip("gevent", reason="gevent is not installed; it is in the dependency group 'test'")
        arguments = (style, url or own_server.url, str(own_server.pid), str(clock.file), str(jump))
        done = run_python(PREPARE + program, *arguments, environment=clock.environment(library))
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    yield run
    own_server.cont()


@JUMPS
@STYLES
def test_a_hung_server_costs_one_deadline_and_recovery_follows(run: Run, jump: int, style: str) -> None:
    program = """
cache = make(timeout=0.5, on_error="miss")
call(cache, "set", "k", 1)
os.kill(pid, signal.SIGSTOP)
found, took = while_jumping(lambda: call(cache, "get", "k"))
assert found is None and cache.stats()["timeouts"] and 0.45 < took < 10, (found, took)
until(lambda: cache.stats()["breaker"]["state"] == "open")
call(cache, "delete", "k")  # written down
assert cache.stats()["breaker"]["journal"] == 1
jump(0)
os.kill(pid, signal.SIGCONT)
until(lambda: cache.stats()["breaker"]["state"] == "closed" and not cache.stats()["breaker"]["journal"])
assert call(cache, "get", "k") is None
"""
    run(program, jump=jump, style=style)


@JUMPS
@STYLES
def test_a_lock_is_waited_for_as_long_as_asked(run: Run, jump: int, style: str) -> None:
    program = """
cache = make()
owner, other = cache.lock("job", ttl=60), cache.lock("job", ttl=60)
assert call(owner, "acquire")
taken, took = while_jumping(lambda: call(other, "acquire", blocking_timeout=0.5))
assert not taken and 0.45 < took < 10, took
assert call(owner, "owned")
call(owner, "release")
assert call(other, "acquire", blocking_timeout=0.5)
"""
    run(program, jump=jump, style=style)


@JUMPS
def test_a_slot_of_the_pool_is_waited_for_as_long_as_needed(run: Run, jump: int) -> None:
    program = """
cache = make(timeout=20, max_connections=1)
cache.set("k", 1)
holder = threading.Thread(target=cache.execute, args=("BLPOP", "nobody pushes", 0.5))
holder.start()
until(lambda: cache.stats()["pool"]["in_use"] == 1)
found, took = while_jumping(lambda: cache.get("k"))
assert found == 1 and took < 10, (found, took)
holder.join()
"""
    run(program, jump=jump)


@JUMPS
@pytest.mark.parametrize("style", ["sync", "async"])
def test_idle_connections_are_closed_by_their_age_and_not_by_the_clock(run: Run, jump: int, style: str) -> None:
    program = """
async def execute(cache, *args):
    return await (cache.aexecute(*args) if style == "async" else asyncio.to_thread(cache.execute, *args))
async def three_at_once(cache):
    # Each needs a connection of its own, because the server lets all of them wait.
    await asyncio.gather(*(execute(cache, "BLPOP", "nobody pushes", 0.2) for _ in range(3)))
async def main():
    watch, lasting, brief = make(), make(idle_timeout=60), make(idle_timeout=0.3)
    async def count():
        return (await execute(watch, "CLIENT", "LIST")).count(b"name=hitrate")
    await three_at_once(lasting)
    jump()
    await execute(lasting, "PING")
    assert await count() == 1 + 3
    await three_at_once(brief)
    jump(0)
    give_up = time.monotonic() + 20
    while await count() > 1 + 3 + 1:
        assert time.monotonic() < give_up
        await execute(brief, "PING")
"""
    run(f"{program}\nasyncio.run(main())", jump=jump, style=style)


@JUMPS
@pytest.mark.parametrize("store", ["server", "memory"])
def test_lifetimes_do_not_depend_on_our_clock(run: Run, jump: int, store: str) -> None:
    program = """
cache = make()
cache.set_many({"long": 1, "counted": 1}, ttl=100)
cache.set("short", 1, ttl=0.5)
jump()
assert cache.get("long") == 1 and 90 < cache.ttl("long") <= 100
assert cache.get_or_set("long", lambda: 2) == 1 and cache.get_or_set("new", lambda: 3, ttl=100) == 3
assert cache.incr("counted") == 2 and not cache.add("counted", 1) and cache.touch("counted", 100)
until(lambda: not cache.has("short"))
jump(0)
assert cache.get_many(["long", "counted", "new"]) == {"long": 1, "counted": 2, "new": 3}
assert 80 < cache.ttl("new") <= 100
"""
    run(program, jump=jump, url=f"memory://{jump}" if store == "memory" else None)


@JUMPS
def test_a_point_in_time_is_one_of_the_servers_clock(run: Run, jump: int) -> None:
    program = """
cache = make()
jump()
cache.set("k", 1)
assert cache.expire_at("k", time.time() + 7200)
assert 7000 < cache.ttl("k") - JUMP <= 7200
"""
    run(program, jump=jump)


@JUMPS
def test_a_point_in_time_in_memory_is_taken_when_it_is_set(run: Run, jump: int) -> None:
    program = """
cache = make()
jump()
cache.set("k", 1)
assert cache.expire_at("k", time.time() + 100)
jump(0)
assert 90 < cache.ttl("k") <= 100
"""
    run(program, jump=jump, url=f"memory://{jump}")


def test_the_staged_wait_answers_while_the_clock_jumps_to_and_fro(run: Run) -> None:
    program = """
cache, ended = make(timeout=5, max_connections=4), threading.Event()
cache.set("k", "v", ttl=60)
def read():
    while not ended.is_set():
        assert cache.get("k") == "v"
threads = [threading.Thread(target=read) for _ in range(6)]
[thread.start() for thread in threads]
for _ in range(40):
    for seconds in (JUMP, 0, -JUMP):
        clock.jump(seconds)
        time.sleep(0.005)
ended.set()
[thread.join() for thread in threads]
for _ in range(500):
    assert cache.get("k") == "v"
stats = cache.stats()
assert stats["staged_wait"]["hits"] + stats["staged_wait"]["misses"] > 0, stats
assert stats["timeouts"] == 0 and stats["breaker"]["opened"] == 0, stats
"""
    run(program, jump=HOUR)


@pytest.fixture
def verbs(as_verbs: Callable[[hitrate.Cache], Verbs], make_cache: MakeCache, jumping_server: Server) -> Verbs:
    return as_verbs(make_cache(jumping_server.url, timeout=5))


async def test_a_servers_clock_that_jumps_ahead_lets_entries_expire(
    verbs: Verbs, jumping_server: Server, clock: WallClock
) -> None:
    await verbs.set_many({"minutes": 1, "counted": 1}, ttl=600)
    await verbs.set("hours", 1, ttl=2 * HOUR)
    await verbs.set("lasting", 1, ttl=None)
    assert await verbs.expire_at("lasting", time.time() + 10 * HOUR)
    lock = verbs.lock("job", ttl=600)
    assert await lock.acquire()
    set_clock(jumping_server, clock, HOUR)
    assert await verbs.get_many(["minutes", "counted", "hours", "lasting"]) == {"hours": 1, "lasting": 1}
    assert await verbs.ttl("minutes") == 0
    assert HOUR - 60 < await verbs.ttl("hours") <= HOUR
    assert 9 * HOUR - 60 < await verbs.ttl("lasting") <= 9 * HOUR
    assert await verbs.get_or_set("minutes", lambda: 2, ttl=600) == 2
    assert 590 < await verbs.ttl("minutes") <= 600
    assert await verbs.add("counted", 5, ttl=600)
    # The lock was freed by its lifetime, which its owner is told.
    assert await verbs.lock("job", ttl=600).acquire(blocking=False)
    with pytest.raises(LockNotOwnedError):
        await lock.release()


async def test_a_servers_clock_that_jumps_back_lets_entries_live_longer(
    verbs: Verbs, jumping_server: Server, clock: WallClock
) -> None:
    await verbs.set("minutes", 1, ttl=600)
    lock = verbs.lock("job", ttl=600)
    assert await lock.acquire()
    set_clock(jumping_server, clock, -HOUR)
    assert await verbs.get("minutes") == 1
    assert HOUR < await verbs.ttl("minutes") <= HOUR + 600
    # What is set from now on lives as long as asked, deletions work, and a lock ends when its owner releases it.
    await verbs.set("minutes", 2, ttl=600)
    assert 590 < await verbs.ttl("minutes") <= 600
    assert not await verbs.lock("job").acquire(blocking=False)
    await lock.release()
    assert await verbs.lock("job").acquire(blocking=False)
    assert await verbs.delete("minutes")
    assert not await verbs.has("minutes")


def test_a_servers_clock_that_jumps_to_and_fro_hurts_nobody(
    make_cache: MakeCache, jumping_server: Server, clock: WallClock
) -> None:
    cache = make_cache(jumping_server.url, timeout=5)

    def work(number: int) -> set[object]:
        if number == 0:
            for seconds in [HOUR, 0, -HOUR] * 40:
                clock.jump(seconds)
                time.sleep(0.005)
            return set()
        seen = set()
        for count in range(300):
            cache.set(f"k{number}", number, ttl=60)
            seen |= {cache.get(f"k{number}"), cache.get_or_set(f"new{number}:{count}", lambda: number, ttl=60)}
            with cache.lock(f"lock{number}", ttl=10 * HOUR, blocking_timeout=5):
                pass
        return seen - {None}

    seen = in_threads(5, work)
    assert sorted(map(sorted, seen)) == [[], [1], [2], [3], [4]]
    stats = cache.stats()
    assert (stats["timeouts"], stats["breaker"]["opened"]) == (0, 0)
