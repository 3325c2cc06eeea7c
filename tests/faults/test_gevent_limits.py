"""Time limits of greenlets (`gevent.Timeout`) that are sooner than ours."""

from __future__ import annotations

import sys

import pytest

from hitrate.testing import Server
from tests.faults.test_gevent import in_gevent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="not supported on Windows")


def test_a_lock_whose_taking_meets_a_time_limit_locks_nobody_out(own_server: Server) -> None:
    program = """
    cache = make(timeout=20)
    cache.set("k", 1)
    stop()
    with gevent.Timeout(0.3, False):
        with cache.lock("job", ttl=None):
            raise AssertionError("taken from a stopped server")
    cont()
    until(lambda: cache.stats()["breaker"]["journal"] == 0)
    assert cache.lock("job", ttl=None).acquire(blocking_timeout=20)
    """
    in_gevent(own_server, program)


def test_time_limits_that_are_always_sooner_do_not_hide_that_the_server_hangs(own_server: Server) -> None:
    program = """
    cache = make(timeout=1, on_error="miss")
    cache.set("k", 1)
    stop()
    tries = 0
    while not cache.stats()["breaker"]["opened"]:
        tries += 1
        assert tries < 100, "every call costs its whole time limit"
        with gevent.Timeout(0.2, False):
            cache.get("k")
    cont()
    until(lambda: cache.stats()["breaker"]["state"] == "closed")
    assert cache.get("k") == 1
    """
    in_gevent(own_server, program)
