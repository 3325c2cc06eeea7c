"""Signals while waiting for a hung server: Ctrl-C ends the wait, other handlers run and the wait goes on."""

from __future__ import annotations

import signal
import sys

import pytest

from hitrate.testing import Server
from tests.faults.conftest import frozen, run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

# Every program: a cache with a deadline far longer than the test, a stopped server, a signal from another thread.
PREPARE = """
import asyncio, os, signal, sys, threading, time
import hitrate
url, server_pid = sys.argv[1], int(sys.argv[2])
def make(timeout=30, **options):
    return hitrate.Cache(url, timeout=timeout, bulk_timeout=timeout, on_error="raise", **options)
def after(seconds, number):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
def stop():
    os.kill(server_pid, signal.SIGSTOP)
def go_on():
    os.kill(server_pid, signal.SIGCONT)
def until(condition):
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)
"""
INTERRUPT = """
cache = make(max_connections=1)
if {warm}:
    cache.set("k", "v")
stop()
connects = cache.stats()["pool"]["connects"]
after(0.5, signal.SIGINT)
begun = time.monotonic()
try:
    {call}
except KeyboardInterrupt:
    assert time.monotonic() - begun < 15, "the wait went on"
else:
    raise AssertionError("not interrupted")
go_on()
while cache.stats()["breaker"]["journal"]:
    time.sleep(0.01)
cache.set("other", "w")
assert cache.get("other") == "w" and cache.get("k") in ("v", None, 1)
pool = cache.stats()["pool"]
# What came after it, a PING first, was sent on a new connection; `aget` does not use this pool.
assert "aget" in {call!r} or pool["connects"] > connects, pool
until(lambda: cache.stats()["pool"]["in_use"] == 0)
if "lock" in {call!r}:
    # Nobody holds what was taken behind the back of who wanted it.
    assert cache.lock("job").acquire(blocking_timeout=10)
"""
CALLS = {
    "get": 'cache.get("k")',
    "set": 'cache.set("k", 1)',
    "add": 'cache.add("k", 1)',
    "delete": 'cache.delete("k")',
    "get_many": 'cache.get_many(["k", "l"])',
    "set_many": "cache.set_many(dict.fromkeys(map(str, range(2000)), 1))",
    "delete_pattern": 'cache.delete_pattern("*")',
    "keys": "cache.keys()",
    "lock": 'cache.lock("job").acquire()',
    "execute": 'cache.execute("PING")',
    "aget": 'asyncio.run(cache.aget("k"))',
}


def run(server: Server, program: str) -> None:
    try:
        done = run_python(PREPARE + program, server.url, str(server.pid), flags=("-X", "dev", "-W", "error"))
    finally:
        server.cont()
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("warm", [True, False], ids=["reply", "greeting"])
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_a_wait_and_the_connection_is_not_used_again(own_server: Server, call: str, warm: bool) -> None:
    run(own_server, INTERRUPT.format(call=CALLS[call], warm=warm))


def test_ctrl_c_ends_a_wait_for_a_slot(own_server: Server) -> None:
    program = """
cache = make(max_connections=1)
cache.set("k", "v")
stop()
threading.Thread(target=lambda: cache.get("k")).start()
while not cache.stats()["pool"]["in_use"]:
    time.sleep(0.01)
after(0.5, signal.SIGINT)
try:
    cache.get("k")
except KeyboardInterrupt:
    assert cache.stats()["pool"]["waiting"] == 0
else:
    raise AssertionError("not interrupted")
go_on()
assert cache.get("k") == "v"
"""
    run(own_server, program)


@pytest.mark.parametrize("on_error", ["miss", "raise"])
def test_ctrl_c_during_the_ping_that_follows_a_timeout_is_not_lost(own_server: Server, on_error: str) -> None:
    program = f"""
cache = hitrate.Cache(url, timeout=2, on_error="{on_error}")
cache.set("k", "v")
stop()
after(2.5, signal.SIGINT)  # the reply's deadline is over, that of the PING is not
try:
    found = cache.get("k")
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("Ctrl-C was lost")
go_on()
"""
    run(own_server, program)


def test_a_handler_that_returns_does_not_break_the_wait(own_server: Server) -> None:
    program = """
cache = make()
cache.set("k", "v")
runs = []
signal.signal(signal.SIGUSR1, lambda *_: runs.append(1))
stop()
for tenth in range(1, 8):
    after(tenth / 10, signal.SIGUSR1)
continuing = threading.Timer(1.0, go_on)
continuing.start()
assert cache.get("k") == "v"
assert len(runs) >= 5, runs
stats = cache.stats()
assert stats["pool"]["connects"] == 1 and stats["retries"] == 0, stats
"""
    run(own_server, program)


@pytest.mark.parametrize("max_connections", [1, 8])
def test_a_handler_may_use_the_cache_itself(own_server: Server, max_connections: int) -> None:
    program = f"""
cache = make(timeout=5, max_connections={max_connections})
cache.set("k", "v"); cache.set("l", "w")
found = []
def handler(*_):
    go_on()
    try:
        found.append(cache.get("l"))
    except hitrate.ServerTimeoutError as error:
        # With one connection, which the interrupted call holds, there is none for the handler.
        assert {max_connections} == 1 and "max_connections" in str(error), error
        found.append("w")
signal.signal(signal.SIGUSR1, handler)
stop()
after(0.3, signal.SIGUSR1)
try:
    assert cache.get("k") == "v"
except hitrate.ServerTimeoutError:
    assert {max_connections} == 1  # the handler used up its time
assert found == ["w"], found
assert (cache.get("k"), cache.get("l")) == ("v", "w")
assert cache.stats()["pool"]["in_use"] == 0
"""
    run(own_server, program)


def test_what_a_handler_raises_comes_out_of_the_call(own_server: Server) -> None:
    program = """
cache = make()
cache.set("k", "v"); cache.set("l", "w")
class Enough(BaseException):
    pass
def handler(*_):
    raise Enough("now")
signal.signal(signal.SIGALRM, handler)
for _ in range(3):
    stop()
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        cache.get("k")
    except Enough as error:
        assert error.args == ("now",) and error.__cause__ is None
    else:
        raise AssertionError("not raised")
    go_on()
    assert cache.get("l") == "w"
assert cache.stats()["breaker"]["opened"] == 0
"""
    run(own_server, program)


@pytest.mark.parametrize(("timeout", "limit"), [(1, 0.2), (0.5, 0.6)], ids=["reply", "ping"])
def test_time_limits_that_are_always_sooner_do_not_hide_that_the_server_hangs(
    own_server: Server, timeout: float, limit: float
) -> None:
    program = f"""
cache = hitrate.Cache(url, timeout={timeout})
cache.set("k", "v")
class Enough(BaseException):
    pass
def handler(*_):
    raise Enough
signal.signal(signal.SIGALRM, handler)
stop()
tries = 0
while not cache.stats()["breaker"]["opened"]:
    tries += 1
    assert tries < 50, "every call costs its whole time limit"
    signal.setitimer(signal.ITIMER_REAL, {limit})
    try:
        cache.get("k")
    except Enough:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
go_on()
until(lambda: cache.stats()["breaker"]["state"] == "closed")
assert cache.get("k") == "v"
"""
    try:
        done = run_python(PREPARE + program, own_server.url, str(own_server.pid))
    finally:
        own_server.cont()
    # That the server is away is logged.
    assert done.returncode == 0, done.stderr


def test_signals_all_the_time_never_cross_answers(own_server: Server) -> None:
    program = """
cache = make()
names = [f"k{number}" for number in range(10)]
for name in names:
    cache.set(name, name)
class Tick(Exception):
    pass
may_raise = False
def handler(*_):
    global may_raise
    if may_raise:
        # Once: the next may come before the first is caught.
        may_raise = False
        raise Tick
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
ticks, reads = 0, 0
while reads < 20000:
    for name in names:
        try:
            may_raise = True
            found = cache.get(name)
            may_raise = False
            assert found == name, (found, name)
        except Tick:
            ticks += 1
        finally:
            may_raise = False
        reads += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert ticks > 0
assert cache.stats()["pool"]["in_use"] == 0
"""
    run(own_server, program)


def test_a_worker_thread_waits_on_when_the_main_thread_is_interrupted(own_server: Server) -> None:
    program = """
cache = make()
cache.set("k", "v")
stop()
found = []
done = threading.Event()
threading.Thread(target=lambda: (found.append(cache.get("k")), done.set())).start()
after(0.3, signal.SIGINT)
try:
    done.wait()
except KeyboardInterrupt:
    pass
go_on()
assert done.wait(20)
assert found == ["v"], found
"""
    run(own_server, program)


def test_the_server_here_survives_its_signals(own_server: Server) -> None:
    with frozen(own_server):
        assert own_server.is_running
    assert own_server.execute("PING") == b"PONG"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
