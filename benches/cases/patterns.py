"""Delete 10,000 of 200,000 keys by a pattern."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any

from bars import Bar
from bench import Bench, Case
from harness import Measure, MissedError, Sample
from peers import DJANGO_REDIS, DJANGO_REDIS_1000, HITRATE, HITRATE_OFF

ALL_KEYS = 200_000
DOOMED = 10_000
CHUNK = 5_000


@contextmanager
def _among_many_keys(bench: Bench) -> Iterator[Measure]:
    doomed, total = (DOOMED // 10, ALL_KEYS // 10) if bench.quick else (DOOMED, ALL_KEYS)
    redis: Any = import_module("redis").Redis.from_url(bench.url)
    others = [f"{bench.prefix}-other:1:{number}" for number in range(total - doomed)]
    _fill(redis, others)

    def measure(name: str) -> Sample:
        client = bench.client(name)
        _fill(redis, (f"{bench.prefix_of(name)}:1:doomed:{number}" for number in range(doomed)))
        cpu, started = time.process_time(), time.perf_counter()
        deleted = client.delete_pattern("doomed:*")
        wall = time.perf_counter() - started
        if deleted != doomed:
            raise MissedError
        return {"wall ms": wall * 1e3, "CPU ms": (time.process_time() - cpu) * 1e3}

    try:
        yield measure
    finally:
        for chunk in _chunks(others):
            redis.unlink(*chunk)
        redis.close()


def _fill(redis: Any, keys: Iterable[str]) -> None:
    for chunk in _chunks(keys):
        redis.mset(dict.fromkeys(chunk, "x" * 64))


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(keys)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


CASES = (
    Case(
        "delete-pattern",
        "delete_pattern, 10,000 of 200,000 keys",
        (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO_REDIS_1000),
        ("wall ms", "CPU ms"),
        _among_many_keys,
        (
            Bar(HITRATE, "wall ms", DJANGO_REDIS, at_most=0.1),
            Bar(HITRATE, "wall ms", DJANGO_REDIS_1000, at_most=0.75),
        ),
    ),
)
