"""
gevent: every wait of a greenlet is one of the hub, so that others run.

Patching is for a whole process, so each scenario is a program of its own. None looks at a clock: while callers wait on
a stopped server, a ticker must tick so many times, which it never does where a wait blocks the thread.
"""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from hitrate.testing import Server
from tests.faults.conftest import run_python
from tests.faults.proxy import Proxy, delay

pytest.importorskip("gevent", reason="gevent is not installed; it is in the dependency group 'test'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="not supported on Windows")

BEGIN = """
import logging, os, random, signal, sys
import gevent
from gevent import monkey
PATCH
import hitrate
url, server = sys.argv[1], int(sys.argv[2])
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.001)
        ticks += 1
def let_tick(count):
    end = ticks + count
    while ticks < end:
        gevent.sleep(0)
def until(condition):
    while not condition():
        gevent.sleep(0.001)
def stop():
    os.kill(server, signal.SIGSTOP)
def cont():
    os.kill(server, signal.SIGCONT)
def make(**options):
    return hitrate.Cache(url, **{"prefix": "g", "on_error": "raise", "timeout": 600, "serializer": "json", **options})
def pool(cache):
    return cache.stats()["pool"]
def called(cache):
    return pool(cache)["in_use"] + pool(cache)["waiting"]
def join(jobs):
    gevent.joinall(jobs, raise_error=True)
    return [job.value for job in jobs]
logging.getLogger("hitrate").addHandler(logging.NullHandler())
gevent.spawn(tick)
"""


def in_gevent(
    server: Server, program: str, *args: object, url: str | None = None, patch: str = "monkey.patch_all()"
) -> None:
    """Run `BEGIN` and a program, with arguments from ``sys.argv[3]`` on; it must end well and in silence."""
    words = [url or server.url, str(server.pid), *map(str, args)]
    try:
        ended = run_python(BEGIN.replace("PATCH", patch) + dedent(program), *words)
    finally:
        server.cont()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_200_greenlets_on_a_stopped_server_let_others_run(own_server: Server) -> None:
    program = """
    cache = make(max_connections=200)
    cache.set_many({str(n): n for n in range(200)})
    assert cache.stats()["waiter"] == "gevent"
    stop()
    jobs = [gevent.spawn(cache.get, str(n)) for n in range(200)]
    until(lambda: pool(cache)["in_use"] == 200)
    let_tick(100)
    assert not any(job.ready() for job in jobs)
    cont()
    assert join(jobs) == list(range(200))
    assert pool(cache)["in_use"] == 0
    """
    in_gevent(own_server, program)


def test_greenlets_wait_their_turn_for_the_connections_there_are(own_server: Server) -> None:
    program = """
    cache = make(max_connections=4)
    cache.set_many({str(n): n for n in range(200)})
    stop()
    ended = []
    def read(n):
        value = cache.get(str(n))
        ended.append(n)
        return value
    jobs = [gevent.spawn(read, n) for n in range(200)]
    until(lambda: called(cache) == 200)
    let_tick(100)
    assert ended == [] and pool(cache)["waiting"] == 196
    cont()
    assert join(jobs) == list(range(200))
    # First come, first served: nobody is overtaken by more than are served at once.
    assert all(abs(place - n) < 8 for place, n in enumerate(ended)), ended
    assert (pool(cache)["open"], pool(cache)["in_use"], pool(cache)["waiting"]) == (4, 0, 0)
    """
    in_gevent(own_server, program)


def test_greenlets_on_a_slow_server_let_others_run(own_server: Server, proxy: Proxy) -> None:
    program = """
    cache = make(max_connections=16)
    def work(n):
        keys = [f"{n}:{k}" for k in range(3)]
        assert cache.set_many(dict.fromkeys(keys, n)) == []
        assert [cache.get(key) for key in keys] == [n] * 3
        assert cache.delete_many(keys) == 3
    jobs = [gevent.spawn(work, n) for n in range(200)]
    while not all(job.ready() for job in jobs):
        let_tick(10)
    assert ticks > 100
    join(jobs)
    """
    proxy.fault = delay(0.02)
    in_gevent(own_server, program, url=proxy.url)


def test_a_dead_server_costs_greenlets_two_deadlines_and_opens_the_breaker(own_server: Server) -> None:
    program = """
    cache = make(timeout=0.5, on_error="miss", max_connections=8)
    cache.set("k", 1)
    stop()
    before = ticks
    assert join([gevent.spawn(cache.get, "k") for _ in range(200)]) == [None] * 200
    assert ticks - before > 20
    assert cache.stats()["breaker"]["state"] == "open"
    cache.delete("k")
    cont()
    # The thread that recovers is none of gevent's.
    until(lambda: cache.stats()["breaker"]["state"] == "closed" and cache.stats()["breaker"]["journal"] == 0)
    assert cache.get("k") is None
    assert cache.stats()["breaker"]["replayed"] == 1
    assert called(cache) == 0
    """
    in_gevent(own_server, program)


@pytest.mark.parametrize("how", ["kill", "timeout", "throw"])
@pytest.mark.parametrize(("waits_for", "connections"), [("reply", 2), ("slot", 1)])
def test_what_is_thrown_into_a_wait_comes_out_of_it(
    own_server: Server, how: str, waits_for: str, connections: int
) -> None:
    program = """
    how, connections = sys.argv[3], int(sys.argv[4])
    cache = make(max_connections=connections)
    cache.set_many({"a": 1, "b": 2, "c": 3})
    join([gevent.spawn(cache.get, "a") for _ in range(connections)])
    assert pool(cache)["idle"] == connections
    stop()
    holder = gevent.spawn(cache.get, "a")
    until(lambda: called(cache) == 1)
    raised = []
    class Thrown(Exception):
        pass
    limit = gevent.Timeout(0.05 if how == "timeout" else None)
    def call():
        with limit:
            try:
                cache.delete("b")
            except BaseException as error:
                raised.append(error)
    job = gevent.spawn(call)
    gevent.sleep(0)
    assert (pool(cache)["in_use"], pool(cache)["waiting"]) == (connections, 2 - connections)
    if how == "kill":
        job.kill()
    elif how == "throw":
        job.kill(Thrown)
    job.join()
    assert [type(error) for error in raised] == [
        {"kill": gevent.GreenletExit, "throw": Thrown, "timeout": gevent.Timeout}[how]
    ]
    assert how != "timeout" or raised == [limit]
    # It is made up for, as a deletion that a signal interrupted is.
    assert cache.stats()["breaker"]["journaled"] == 1
    cont()
    assert holder.get() == 1
    until(lambda: cache.stats()["breaker"]["journal"] == 0)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    assert called(cache) == 0
    """
    in_gevent(own_server, program, how, connections)


def test_a_caller_killed_while_it_probes_leaves_that_to_the_next(own_server: Server) -> None:
    program = """
    cache = make(timeout=0.4, on_error="miss")
    cache.set("k", 1)
    stop()
    # The reply is waited for until 0.4 s, and then the PING for 0.2 s.
    try:
        with gevent.Timeout(0.5):
            cache.get("k")
    except gevent.Timeout:
        assert cache.stats()["breaker"]["state"] == "closed"
    assert cache.get("k") is None
    assert cache.stats()["breaker"]["state"] == "open"
    """
    in_gevent(own_server, program)


def test_greenlets_killed_at_any_moment_lose_no_connection(own_server: Server) -> None:
    program = """
    cache = make(max_connections=3)
    chance = random.Random(7)
    wrong = []
    def work(n):
        cache.set(str(n), n)
        while True:
            if cache.get(str(n)) != n:
                wrong.append(n)
    for attempt in range(60):
        jobs = [gevent.spawn(work, n) for n in range(20)]
        let_tick(chance.randrange(5))
        for _ in range(chance.randrange(50)):
            gevent.sleep(0)
        gevent.killall(jobs)
        assert called(cache) == 0, pool(cache)
    assert wrong == []
    assert pool(cache)["slot_waits"] > 60
    from hitrate import greenlets
    assert (greenlets._sockets, greenlets._desks) == ({}, {})
    assert cache.get("1") == 1
    """
    in_gevent(own_server, program)


@pytest.mark.parametrize("first", ["thread", "greenlet"])
def test_a_connection_is_handed_over_between_threads(own_server: Server, first: str) -> None:
    program = """
    first = sys.argv[3]
    cache = make(max_connections=1)
    cache.set("k", 1)
    in_thread = gevent.get_hub().threadpool.spawn
    stop()
    calls = [in_thread, gevent.spawn]
    if first == "greenlet":
        calls.reverse()
    jobs = []
    for number, start in enumerate([*calls, *calls], 1):
        jobs.append(start(cache.get, "k"))
        until(lambda: called(cache) == number)
    let_tick(50)
    assert not any(job.ready() for job in jobs)
    cont()
    assert [job.get() for job in jobs] == [1] * 4
    assert called(cache) == 0
    """
    in_gevent(own_server, program, first)


def test_every_thread_has_its_own_hub(own_server: Server) -> None:
    program = """
    cache = make(max_connections=2)
    cache.set("k", 1)
    def open_files():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    def in_its_own_hub():
        jobs = [gevent.spawn(cache.get, "k") for _ in range(10)]
        found = join(jobs)
        gevent.get_hub().destroy(destroy_loop=True)
        return found
    def round():
        threads = [gevent.get_hub().threadpool.spawn(in_its_own_hub) for _ in range(8)]
        here = [gevent.spawn(cache.get, "k") for _ in range(10)]
        assert join(here) == [1] * 10
        assert [thread.get() for thread in threads] == [[1] * 10] * 8
    round()
    before = open_files()
    for _ in range(10):
        round()
    # A hub that ended has left nothing open.
    import gc
    gc.collect()
    assert open_files() <= before, (before, open_files())
    assert called(cache) == 0
    """
    in_gevent(own_server, program)


@pytest.mark.parametrize("patch", ["monkey.patch_all()", "monkey.patch_socket()"])
def test_a_lock_is_waited_for_in_the_hub(own_server: Server, patch: str) -> None:
    program = """
    cache = make()
    order = []
    def work(n):
        with cache.lock("lock", blocking_timeout=None):
            order.append(("in", n))
            let_tick(5)
            order.append(("out", n))
    holder = cache.lock("lock")
    assert holder.acquire()
    jobs = [gevent.spawn(work, n) for n in range(5)]
    let_tick(100)
    assert order == []
    assert not cache.lock("lock").acquire(blocking_timeout=0.2)
    holder.release()
    join(jobs)
    assert order[::2] == [("in", n) for _, n in order[1::2]] and len(order) == 10
    """
    in_gevent(own_server, program, patch=patch)


def test_a_lock_is_shared_with_native_threads(own_server: Server) -> None:
    program = """
    cache = make()
    order = []
    def in_thread():
        with cache.lock("lock"):
            order.append("thread")
    holder = cache.lock("lock")
    assert holder.acquire()
    thread = gevent.get_hub().threadpool.spawn(in_thread)
    let_tick(100)
    assert order == []
    order.append("greenlet")
    holder.release()
    thread.get()
    assert order == ["greenlet", "thread"]
    """
    in_gevent(own_server, program)


def test_a_host_is_looked_up_while_others_run(own_server: Server) -> None:
    # RFC 6761 reserves .invalid: the thread that asks for it wakes whoever waits with an error.
    program = """
    cache = make()
    from hitrate.exceptions import ServerConnectionError
    def look_up():
        try:
            cache.get("k")
        except ServerConnectionError as error:
            return "no-such-host.invalid" in str(error)
    assert join([gevent.spawn(look_up) for _ in range(20)]) == [True] * 20
    """
    in_gevent(own_server, program, url="redis://no-such-host.invalid:6379")


def test_patching_is_noticed_whenever_it_comes(own_server: Server) -> None:
    program = """
    cache = make()
    cache.set("k", 1)
    assert cache.stats()["waiter"] == "thread"
    monkey.patch_socket()
    assert cache.stats()["waiter"] == "gevent"
    stop()
    job = gevent.spawn(cache.get, "k")
    let_tick(50)
    cont()
    assert job.get() == 1
    """
    in_gevent(own_server, program, patch="")


def test_without_patching_nothing_of_gevent_is_imported(own_server: Server) -> None:
    program = """
import sys
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix="g")
cache.set("k", 1)
assert cache.get("k") == 1
assert [name for name in sys.modules if name.partition(".")[0] in ("gevent", "greenlet")] == []
assert "hitrate.greenlets" not in sys.modules
"""
    ended = run_python(program, own_server.url)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_call_in_the_hub_itself_blocks_it_and_works(own_server: Server) -> None:
    program = """
    cache = make()
    cache.set("k", 1)
    found = []
    gevent.get_hub().loop.run_callback(lambda: found.append(cache.get("k")))
    let_tick(5)
    assert found == [1]
    """
    in_gevent(own_server, program)


def test_ctrl_c_ends_a_wait_of_the_main_greenlet(own_server: Server) -> None:
    program = """
    cache = make(max_connections=1)
    cache.set("k", 1)
    stop()
    holder = gevent.spawn(cache.get, "k")
    until(lambda: called(cache) == 1)
    gevent.get_hub().exception_stream = None
    def interrupt():
        while called(cache) < 2:  # in a thread of its own, where nobody else waits for it
            pass
        os.kill(os.getpid(), signal.SIGINT)
    gevent.get_hub().threadpool.spawn(interrupt)
    try:
        cache.get("k")
    except KeyboardInterrupt:
        assert called(cache) == 1
    else:
        raise AssertionError("it was not interrupted")
    cont()
    assert holder.get() == 1
    assert cache.get("k") == 1
    """
    in_gevent(own_server, program)


def test_a_fork_among_greenlets_leaves_parent_and_child_their_own(own_server: Server) -> None:
    program = """
    cache = make(max_connections=4)
    cache.set_many({str(n): n for n in range(20)})
    stop()
    outcomes = []
    def read(n):
        try:
            outcomes.append(cache.get(str(n)) == n)
        except hitrate.ServerError as error:
            outcomes.append("forked" in str(error))
    jobs = [gevent.spawn(read, n) for n in range(20)]
    until(lambda: called(cache) == 20)
    child = os.fork()
    if child == 0:
        # gevent lets the greenlets live on here, too. What they called is their parent's, and fails or begins anew.
        cont()
        assert called(cache) == 0
        cache.set("child", os.getpid())
        assert join([gevent.spawn(cache.get, "child") for _ in range(20)]) == [os.getpid()] * 20
        join(jobs)
        assert outcomes == [True] * 20
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    join(jobs)
    assert outcomes == [True] * 20
    assert cache.get("child") == child
    assert called(cache) == 0
    """
    in_gevent(own_server, program)


def test_the_end_of_the_process_waits_for_no_greenlet(own_server: Server) -> None:
    program = """
    cache = make(max_connections=2)
    cache.set("k", 1)
    stop()
    for _ in range(10):
        gevent.spawn(cache.get, "k")
    until(lambda: called(cache) == 10)
    """
    in_gevent(own_server, program)


def test_the_async_verbs_still_work_in_a_patched_process(own_server: Server) -> None:
    program = """
    import asyncio
    cache = make()
    async def main():
        await cache.aset("k", 1)
        return await asyncio.gather(*(cache.aget("k") for _ in range(20)))
    assert asyncio.run(main()) == [1] * 20
    """
    in_gevent(own_server, program)
