"""A server 0.25, 0.5 and 2 ms away: polling would be wasted here, so the staged wait must notice and stay out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bars import NOISE, Bar
from bench import Bench, Case
from harness import Measure, Operation, Sample, closed_loop
from native_tools import delayed, why_no_rustc
from peers import DJANGO_REDIS, HITRATE, HITRATE_OFF, REDIS_PY

from cases.one_thread import get

COLUMNS = ("wall µs", "CPU µs")
SAMPLES = 3  # long: at 2 ms there are few reads in a second


@contextmanager
def _away(seconds: float, bench: Bench) -> Iterator[Measure]:
    operations: dict[str, Operation] = {}
    with delayed(bench.url, seconds) as url:

        def measure(name: str) -> Sample:
            if name not in operations:
                operations[name] = get(bench.client(name, url))
            return closed_loop(operations[name], SAMPLES * bench.seconds).sample()

        yield measure


def _why_skipped(bench: Bench) -> str | None:
    if not bench.url.startswith(("redis://", "valkey://")):
        return "the delaying proxy is plain TCP"
    return why_no_rustc(bench)


CASES = tuple(
    Case(
        f"away-{milliseconds:g}ms",
        f"GET hit, 1 KB, server {milliseconds:g} ms away",
        (HITRATE, HITRATE_OFF, DJANGO_REDIS, REDIS_PY),
        COLUMNS,
        partial(_away, milliseconds / 1000),
        tuple(Bar(HITRATE, column, HITRATE_OFF, at_most=NOISE) for column in COLUMNS),
        why_skipped=_why_skipped,
    )
    for milliseconds in (0.25, 0.5, 2.0)
)
