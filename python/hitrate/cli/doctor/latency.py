"""How long a round trip takes, and whether the staged wait fits the way to the server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, info, ok, warning
from hitrate.cli.output import Advance
from hitrate.cli.timing import Timings, duration, measure

# How long stage 1 of the staged wait polls, seconds; docs/design/waiting.md.
WINDOW = 50e-6
# Seconds. Beyond these a cache costs what it should save.
FAR = 0.001
SLOW_TAIL = 0.01
BUDGET = 10.0


@dataclass(frozen=True)
class Measured:
    """
    Round trips, as this process sees them.

    Attributes:
        timings: of whole calls.
        buckets: pairs of upper bound in seconds and count, of the bare round trips; the last bound is None.
        staged_wait: what the staged wait did meanwhile, as ``stats()`` has it.
    """

    timings: Timings
    buckets: list[tuple[float | None, int]]
    staged_wait: dict[str, Any]


def check_latency(facts: Facts, key: str, *, samples: int, advance: Advance) -> Iterator[Finding]:
    """
    Read a key that is not there again and again, on one connection.

    Args:
        facts: what is known of the server.
        key: that does not exist, without what the cache puts in front.
        samples: round trips; fewer if they take longer than ten seconds.
        advance: told about each.

    Raises:
        ServerError: reading failed.
    """
    cache = facts.target.open()
    try:
        cache.get(key)  # connects
        before = cache.stats()
        timings = measure(lambda: cache.get(key), samples, budget=BUDGET, advance=advance)
        after = cache.stats()
    finally:
        cache.close()
    counts = zip(before["latency"]["buckets"], after["latency"]["buckets"], strict=True)
    buckets = [(bound, now - then) for (bound, then), (_, now) in counts]
    earlier = before["staged_wait"]
    staged = {
        name: value if isinstance(value, bool) else value - earlier[name]
        for name, value in after["staged_wait"].items()
    }
    measured = Measured(timings, buckets, staged)
    yield judge_round_trips(measured)
    if not facts.target.is_embedded:
        yield judge_staged_wait(measured, cores=usable_cores())


def judge_round_trips(measured: Measured) -> Finding:
    """Judge how long round trips took."""
    timings = measured.timings
    value = {**timings.as_dict(), "buckets": [list(bucket) for bucket in measured.buckets]}
    tail = timings.quantile(0.99)
    found = (
        f"{len(timings.seconds):,} round trips: p50 {duration(timings.median)}, "
        f"p99 {duration(tail)}, max {duration(timings.seconds[-1])}"
    )
    check = "latency.round_trip"
    if timings.median > FAR:
        why = f"a page with 20 cache reads waits {duration(20 * timings.median)} for them"
        advice = "put the server next to the site (same zone, no proxy between), and read with get_many"
        return warning(check, found, value, why=why, advice=advice)
    if tail > SLOW_TAIL:
        why = "one read in a hundred stops a page for this long"
        advice = "look for slow commands (SLOWLOG GET), forks (latest_fork_usec of INFO), swapping and a busy machine"
        return warning(check, found, value, why=why, advice=advice)
    return ok(check, found, value)


def judge_staged_wait(measured: Measured, *, cores: int) -> Finding:
    """Judge whether polling for the reply is worth while here."""
    check = "latency.staged_wait"
    staged = measured.staged_wait
    within = share_within(measured.buckets, WINDOW)
    value = {**staged, "usable_cores": cores, "within_window": round(within, 4)}
    window = duration(WINDOW)
    found = f"{within:.0%} of the replies came within its window of {window}, {cores} usable cores"
    if not staged["enabled"]:
        cause = "this process has one core" if cores < 2 else "a setting or a limit on processor time turned it off"
        why = "polling would only keep the server, or another thread, from running"
        return info(check, f"off: {cause}", value, why=why)
    if within < 0.5:
        why = "most replies come later, so hitrate notices and polls next to never: it costs nothing and gains nothing"
        advice = 'nothing need be done; a server next to the site would gain; staged_wait="off" says so for good'
        return info(check, found, value, why=why, advice=advice)
    polls = f"; {staged['hits']:,} came while polling, {staged['misses']:,} polls were in vain"
    return ok(check, found + polls, value)


def share_within(buckets: list[tuple[float | None, int]], limit: float) -> float:
    """The share (0 to 1) of round trips in buckets whose bound is at most `limit` seconds."""
    total = sum(count for _, count in buckets)
    near = sum(count for bound, count in buckets if bound is not None and bound <= limit * 1.001)
    return near / total if total else 0.0


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
