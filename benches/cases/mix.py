"""
What a threaded web server does: 8 threads, each request 200 µs of Python and one GET.

Saturated is a closed loop. At 60 % load requests arrive at random times whether or not a thread is free, and the time
of a request counts from its arrival, so that waiting for a thread is not left out.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

from bars import Bar
from bench import Bench, Case, bound
from harness import Measure, MissedError, Operation, Sample, percentile_us, together
from peers import DJANGO_REDIS, GLIDE, HITRATE, HITRATE_OFF, REDIS_PY, VCACHE, Client
from values import KEY, TTL, product

from cases.threads import THREADS

WORK_SECONDS = 200e-6
LOAD = 0.6  # of what redis-py serves at most on this machine, so that a queue grows without end for nobody
CALIBRATIONS = 3
SAMPLES = 4  # of the closed loop, long


@cache
def turns_of_work() -> int:
    """How many turns of `work` take 200 µs on this machine: the quickest of many, since noise only adds."""
    turns = 10_000
    best = min(_timed(turns) for _ in range(50))
    return max(1, round(turns * WORK_SECONDS / best))


def _timed(turns: int) -> float:
    started = time.perf_counter()
    work(turns)
    return time.perf_counter() - started


def work(turns: int) -> int:
    total = 0
    for number in range(turns):
        total += number
    return total


def _closed_loop(read: Operation, turns: int, until: float) -> list[int]:
    taken: list[int] = []
    while (before := time.perf_counter()) < until:
        work(turns)
        if read() is None:
            raise MissedError
        taken.append(int((time.perf_counter() - before) * 1e9))
    return taken


def _arrivals(rate: float, seconds: float) -> list[float]:
    """When requests arrive, in seconds from the start, at exponential intervals: the same for every contender."""
    rng = random.Random(7)
    times = itertools.accumulate(iter(lambda: rng.expovariate(rate), None))
    return list(itertools.takewhile(lambda moment: moment < seconds, times))


class _OpenLoop:
    """A queue of requests that come by the clock; each free thread takes the next one."""

    def __init__(self, rate: float, seconds: float) -> None:
        self._seconds = seconds
        self._arrivals = _arrivals(rate, seconds)
        self._next = itertools.count()

    def serve(self, read: Operation, turns: int, until: float) -> list[int]:
        started = until - self._seconds
        taken: list[int] = []
        while (index := next(self._next)) < len(self._arrivals):
            arrival = started + self._arrivals[index]
            if (early := arrival - time.perf_counter()) > 0:
                time.sleep(early)
            work(turns)
            if read() is None:
                raise MissedError
            taken.append(int((time.perf_counter() - arrival) * 1e9))
        return taken


Serve = Callable[[Operation, int, float], list[int]]


def _serve(client: Client, serve: Serve, seconds: float) -> Sample:
    client.set(KEY, product(), TTL)
    read, turns = bound(client.get, KEY), turns_of_work()
    cpu, started = time.process_time(), time.perf_counter()
    taken = together([partial(serve, read, turns)] * THREADS, seconds, read)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    each = [ns for thread in taken for ns in thread]
    return {
        "loop p50 µs": percentile_us(each, 50),
        "loop p99 µs": percentile_us(each, 99),
        "requests/s": len(each) / wall,
        "CPU µs": cpu / len(each) * 1e6,
    }


@contextmanager
def _saturated(bench: Bench) -> Iterator[Measure]:
    yield lambda name: _serve(bench.client(name), _closed_loop, SAMPLES * bench.seconds)


@contextmanager
def _at_partial_load(bench: Bench) -> Iterator[Measure]:
    seconds = SAMPLES * bench.seconds
    reference = bench.client(REDIS_PY)
    rate = LOAD * max(_serve(reference, _closed_loop, seconds)["requests/s"] for _ in range(CALIBRATIONS))
    yield lambda name: _serve(bench.client(name), _OpenLoop(rate, seconds).serve, seconds)


CONTENDERS = (HITRATE, HITRATE_OFF, DJANGO_REDIS, VCACHE, REDIS_PY, GLIDE)
COLUMNS = ("loop p50 µs", "loop p99 µs", "requests/s", "CPU µs")
BARS = (Bar(HITRATE, "loop p50 µs", REDIS_PY, at_most=1.0),)

CASES = (
    Case(
        "mix-60",
        "8 threads, 200 µs of Python and one GET, at 60 % load",
        CONTENDERS,
        COLUMNS,
        _at_partial_load,
        BARS,
    ),
    Case(
        "mix-full",
        "8 threads, 200 µs of Python and one GET, saturated",
        CONTENDERS,
        COLUMNS,
        _saturated,
        BARS,
    ),
)
