"""Delete 10,000 of 200,000 keys by a pattern; forget 1,000 among 1,000,000, by tag and by pattern."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any

from bars import Bar
from bench import Bench, Case
from harness import Measure, MissedError, Sample
from peers import DJANGO_REDIS, DJANGO_REDIS_1000, HITRATE, HITRATE_OFF

import hitrate

ALL_KEYS = 200_000
DOOMED = 10_000
CHUNK = 5_000
TAGGED = 1_000
KEYS_BESIDE_TAGGED = 1_000_000
BY_TAG = "invalidate(tags=...)"
BY_PATTERN = "delete_pattern"


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


@contextmanager
def _forgetting(bench: Bench) -> Iterator[Measure]:
    total = KEYS_BESIDE_TAGGED // 10 if bench.quick else KEYS_BESIDE_TAGGED
    redis: Any = import_module("redis").Redis.from_url(bench.url)
    others = [f"{bench.prefix}-beside:{number}" for number in range(total - TAGGED)]
    _fill(redis, others)
    cache = hitrate.Cache(bench.url, prefix=f"{bench.prefix}-tagged", on_error="raise", timeout=60, bulk_timeout=600)
    computed: list[int] = []

    @hitrate.cached(cache, ttl=3600, prefix="page", key=str, tags=["pages"])
    def page(number: int) -> str:
        computed.append(number)
        return "x" * 64

    def forgets(name: str) -> bool:
        return cache.invalidate(tags=["pages"]) == 1 if name == BY_TAG else cache.delete_pattern("page:*") == TAGGED

    def measure(name: str) -> Sample:
        _run_all(page)
        cpu, started = time.process_time(), time.perf_counter()
        done = forgets(name)
        wall = time.perf_counter() - started
        cpu = time.process_time() - cpu
        computed.clear()
        _run_all(page)
        # Whoever is quick and forgets nothing has won nothing.
        if not done or len(computed) != TAGGED:
            raise MissedError
        return {"wall ms": wall * 1e3, "CPU ms": cpu * 1e3}

    try:
        yield measure
    finally:
        cache.clear()
        cache.close()
        for chunk in _chunks(others):
            redis.unlink(*chunk)
        redis.close()


def _run_all(page: Callable[[int], str]) -> None:
    for number in range(TAGGED):
        page(number)


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
    Case(
        "forget-tag",
        "forget 1,000 entries of a tag among 1,000,000 keys",
        (BY_TAG, BY_PATTERN),
        ("wall ms", "CPU ms"),
        _forgetting,
        (Bar(BY_TAG, "wall ms", BY_PATTERN, at_most=0.02),),
        extra=(BY_TAG, BY_PATTERN),
    ),
)
