"""200 requests for one page that is not in the cache: it is computed once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException

import pytest

from hitrate.testing import Server
from tests.faults.conftest import until
from tests.faults.serving import ask, gunicorn

pytest.importorskip("gunicorn", reason="gunicorn is not installed; it is in the dependency group 'test'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")

PROCESSES = 4
REQUESTS = 200
# Each process serves at a port of its own, but it is one site: the links in its pages are the same.
HOST = "shop.test"


@contextmanager
def stampede(server: Server) -> Iterator[list[Future[str]]]:
    """All requests wait for an answer in four processes, and one of them computes it."""
    options = ["--workers", "1", "--worker-class", "gthread", "--threads", str(REQUESTS)]
    with ExitStack() as stack:
        places = [
            stack.enter_context(gunicorn("tests.faults.stampede_app:application", server, *options))
            for _ in range(PROCESSES)
        ]
        pool = stack.enter_context(ThreadPoolExecutor(REQUESTS))
        # Whatever fails from here on must not leave the page waiting.
        stack.callback(server.execute, "SET", "go", 1)
        answers = [pool.submit(insist, places[number % PROCESSES]) for number in range(REQUESTS)]
        until(lambda: sum(arrived(server).values()) == REQUESTS and runs(server), "all have asked and one computes")
        assert sorted(arrived(server).values()) == [REQUESTS // PROCESSES] * PROCESSES
        yield answers


def insist(place: str) -> str:
    """Ask again when the process that was asked has died."""
    while True:
        with suppress(HTTPException, ConnectionError):
            return ask(place, "page", HOST)


def arrived(server: Server) -> dict[int, int]:
    """How many requests have come, by process."""
    flat = list(map(int, server.execute("HGETALL", "arrived")))
    return dict(zip(flat[::2], flat[1::2], strict=True))


def runs(server: Server) -> list[int]:
    """The process of every run of the view."""
    return list(map(int, server.execute("LRANGE", "runs", 0, -1)))


def test_200_requests_to_4_processes_compute_a_page_once(own_server: Server) -> None:
    with stampede(own_server) as answers:
        own_server.execute("SET", "go", 1)
        assert {answer.result() for answer in answers} == {"run 1"}
    assert len(runs(own_server)) == 1


def test_a_page_is_computed_twice_when_whoever_computes_it_is_killed(own_server: Server) -> None:
    with stampede(own_server) as answers:
        (killed,) = runs(own_server)
        os.kill(killed, signal.SIGKILL)
        pass_the_time_of_the_lease(own_server)
        until(lambda: len(runs(own_server)) == 2, "another one computes it")
        own_server.execute("SET", "go", 1)
        assert {answer.result() for answer in answers} == {"run 2"}
    first, second = runs(own_server)
    assert first == killed != second


def pass_the_time_of_the_lease(server: Server) -> None:
    """Let the lease that nobody gives back run out, now rather than in minutes."""
    (key,) = server.execute("KEYS", "stampede*:h1")
    assert server.execute("PTTL", key) > 0
    server.execute("PEXPIRE", key, 1)
