"""The local cache: hits that do not leave the process, and what it costs to hear of writes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bars import Bar
from bench import Bench, Case, bound
from harness import Measure, MissedError, Operation, Sample, closed_loop, percentile_us, together
from peers import DJANGO_REDIS, HITRATE, HITRATE_CACHE_LOCAL, HITRATE_LOCAL, LOCMEM, MEMORY, Client
from values import KEY, TTL, product

import hitrate

CHILD = Path(__file__).parent.parent / "local_child.py"
COLUMNS = ("wall µs", "CPU µs")
EMPTY = "an empty function"
BYTES = "a local hit of 1 KB of bytes"
ALONE, TOGETHER = "1 thread", "8 threads"
OFF, ON = "without local caches", "with local caches"
WATCHERS = "16 processes"
LISTENERS = 32
WRITES_PER_SECOND = 1000


def rows() -> list[dict[str, Any]]:
    """A page of a list: 100 rows of 11 fields."""
    return [product(number) for number in range(100)]


def hit(client: Client, value: Any) -> Operation:
    """A read that finds the value, where it can be found without a round trip, there."""
    client.set(KEY, value, TTL)
    # What the server says of this write may come while the first read is on its way, which then keeps no copy.
    time.sleep(0.1)
    client.get(KEY)
    client.get(KEY)
    return bound(client.get, KEY)


@contextmanager
def _hits(make_value: Callable[[], Any], bench: Bench) -> Iterator[Measure]:
    operations: dict[str, Operation] = {}

    def measure(name: str) -> Sample:
        if name not in operations:
            operations[name] = hit(bench.client(name), make_value())
        return closed_loop(operations[name], bench.seconds).sample()

    yield measure


def _nothing() -> bool:
    return True


@contextmanager
def _bytes(bench: Bench) -> Iterator[Measure]:
    operations = {EMPTY: bound(_nothing), BYTES: hit(bench.client(HITRATE_CACHE_LOCAL), b"x" * 1024)}

    def measure(name: str) -> Sample:
        # Of both calls, the closure and the loop around them are left out.
        around = closed_loop(_nothing, bench.seconds).sample()
        inside = closed_loop(operations[name], bench.seconds).sample()
        return {column: inside[column] - around[column] for column in COLUMNS}

    yield measure


@contextmanager
def _threads(bench: Bench) -> Iterator[Measure]:
    read = hit(bench.client(HITRATE_LOCAL), product())

    def count(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            for _ in range(256):
                if read() is None:
                    raise MissedError
            done += 256
        return done

    def measure(name: str) -> Sample:
        seconds = 2 * bench.seconds
        counts = together([count] * (8 if name == TOGETHER else 1), seconds, read)
        return {"GET/s": sum(counts) / seconds}

    yield measure


@contextmanager
def children(bench: Bench, count: int, what: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes with a local cache each, which have begun to listen."""
    command = [sys.executable, str(CHILD), what, bench.url, bench.prefix]
    begun = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for child in begun:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        yield begun
    finally:
        for child in begun:
            child.kill()
            child.wait()


@contextmanager
def _seen(bench: Bench) -> Iterator[Measure]:
    writer = hitrate.Cache(bench.url, prefix=bench.prefix, serializer="pickle")
    writer.set(KEY, 0, TTL)
    writes = 20 if bench.quick else 200
    with children(bench, 16, "watch") as watching:

        def measure(_name: str) -> Sample:
            taken = []
            for number in range(1, writes + 1):
                value = time.time_ns() + number
                writer.set(KEY, value, TTL)
                acknowledged = time.monotonic_ns()
                for child in watching:
                    assert child.stdout is not None
                    seen, at = map(int, child.stdout.readline().split())
                    assert seen == value
                    taken.append(max(0, at - acknowledged))
                time.sleep(0.01)
            return {
                "median µs": percentile_us(taken, 50),
                "p90 µs": percentile_us(taken, 90),
                "p99 µs": percentile_us(taken, 99),
                "max µs": max(taken) / 1000,
                "1/100 of max_staleness µs": 10_000.0,
            }

        yield measure
    writer.close()


@contextmanager
def _listeners(bench: Bench) -> Iterator[Measure]:
    writer = hitrate.Cache(bench.url, prefix=bench.prefix, serializer="pickle")

    def burden() -> Mapping[str, float]:
        server = bench.server().info("cpu")
        return {"server": float(server["used_cpu_user"]) + float(server["used_cpu_sys"])}

    def write(seconds: float) -> float:
        begun, done = time.perf_counter(), 0
        before = burden()["server"]
        while (passed := time.perf_counter() - begun) < seconds:
            if done < passed * WRITES_PER_SECOND:
                writer.set(f"nobody:{done % 10_000}", done, TTL)
                done += 1
            else:
                time.sleep(0.0005)
        return 100 * (burden()["server"] - before) / passed

    def measure(name: str) -> Sample:
        seconds = max(1.0, 4 * bench.seconds)
        if name == OFF:
            return {"server CPU %": write(seconds), "CPU % of one process": 0.0}
        with children(bench, LISTENERS, "listen") as listening:
            share = write(seconds)
            used = []
            for child in listening:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write("\n")
                child.stdin.flush()
                used.append(float(child.stdout.readline()))
        return {"server CPU %": share, "CPU % of one process": 100 * sum(used) / len(used) / seconds}

    yield measure
    writer.close()


HITS = (HITRATE_LOCAL, HITRATE_CACHE_LOCAL, MEMORY, LOCMEM, HITRATE, DJANGO_REDIS)


def _bars(of_redis: float, of_locmem: float) -> tuple[Bar, ...]:
    return tuple(
        Bar(ours, "wall µs", theirs, at_most=limit)
        for ours in (HITRATE_LOCAL, MEMORY)
        for theirs, limit in ((DJANGO_REDIS, of_redis), (LOCMEM, of_locmem))
    )


CASES = (
    Case("local", "local hit, 1 KB dictionary", HITS, COLUMNS, partial(_hits, product), _bars(1 / 30, 0.6)),
    Case("local-rows", "local hit, 100 rows", HITS, COLUMNS, partial(_hits, rows), _bars(1 / 10, 1 / 3)),
    Case(
        "local-bytes",
        "`Cache.get` of bytes, local hit, and an empty Python function",
        (BYTES, EMPTY),
        COLUMNS,
        _bytes,
        (Bar(BYTES, "wall µs", EMPTY, at_most=10),),
        extra=(BYTES, EMPTY),
    ),
    Case(
        "local-threads",
        "local hits, 8 threads against 1",
        (ALONE, TOGETHER),
        ("GET/s",),
        _threads,
        (Bar(TOGETHER, "GET/s", ALONE, at_least=0.9),),
        extra=(ALONE, TOGETHER),
    ),
    Case(
        "local-seen",
        "from the acknowledgement of a write until 16 processes see it",
        (WATCHERS,),
        ("median µs", "p90 µs", "p99 µs", "max µs", "1/100 of max_staleness µs"),
        _seen,
        extra=(WATCHERS,),
    ),
    Case(
        "local-load",
        f"{WRITES_PER_SECOND:,} writes/s to keys that nobody holds, {LISTENERS} processes",
        (OFF, ON),
        ("server CPU %", "CPU % of one process"),
        _listeners,
        extra=(OFF, ON),
    ),
)
