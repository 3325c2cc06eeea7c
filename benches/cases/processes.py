"""Several processes on two cores, and client and server on one core: here the staged wait must do no harm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bars import NOISE, Bar
from bench import Bench, Case
from harness import Measure
from peers import DJANGO_REDIS, HITRATE, HITRATE_OFF, REDIS_PY
from worker import Workers, pinned


@contextmanager
def _on_cores(count: int, processes: int, threads: int, bench: Bench) -> Iterator[Measure]:
    cores = sorted(os.sched_getaffinity(0))[:count]
    with pinned(bench.pid, cores):
        workers = Workers(bench, processes, cores)
        try:
            yield lambda name: workers.measure(name, 2 * bench.seconds, threads)
        finally:
            workers.close()


def _cannot_pin(cores: int, bench: Bench) -> str | None:
    if not hasattr(os, "sched_setaffinity"):
        return "this system cannot keep a process on a core"
    if bench.pid is None:
        return "the server of HITRATE_URL is not ours to keep on a core"
    have = len(os.sched_getaffinity(0))
    return f"needs {cores} cores and has {have}" if have < cores else None


CONTENDERS = (HITRATE, HITRATE_OFF, DJANGO_REDIS, REDIS_PY)
COLUMNS = ("GET/s", "p50 µs", "p99 µs", "CPU µs")
BARS = (Bar(HITRATE, "GET/s", HITRATE_OFF, at_least=1 / NOISE),)

CASES = (
    Case(
        "processes",
        "GET hit, 1 KB, 4 processes on 2 cores",
        CONTENDERS,
        COLUMNS,
        partial(_on_cores, 2, 4, 1),
        BARS,
        why_skipped=partial(_cannot_pin, 2),
    ),
    Case(
        "one-core",
        "GET hit, 1 KB, client and server on one core",
        CONTENDERS,
        COLUMNS,
        partial(_on_cores, 1, 1, 1),
        BARS,
        why_skipped=partial(_cannot_pin, 1),
    ),
    Case(
        "one-core-threads",
        "GET hit, 1 KB, 8 threads, client and server on one core",
        CONTENDERS,
        COLUMNS,
        partial(_on_cores, 1, 1, 8),
        BARS,
        why_skipped=partial(_cannot_pin, 1),
    ),
)
