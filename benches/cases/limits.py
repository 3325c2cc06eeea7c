"""Rate limits: one and three of them, allowed and refused, on a server and in the process, by one thread and eight."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bars import Bar
from bench import Bench, Case
from harness import Measure, Operation, Sample, closed_loop, together
from peers import DJANGO_REDIS, PEERS

import hitrate

OURS = "hitrate.RateLimiter"
OURS_THREE = "the same, three limits"
LIMITS = "limits"
LIMITS_THREE = "the same, three limits one by one"
DRF = "REST framework on django-redis"

LIMIT = "100/minute"
# Who is refused stays so while he is measured.
LONG = "100/day"
THREE = "100/minute, 1000/hour, 5000/day"
# Calls of each subject before it is the next one's turn: logs and histories have their usual length.
CALLS = 50
THREADS = 8
LIMITS_STRATEGIES = {
    "fixed_window": "FixedWindowRateLimiter",
    "sliding_window": "SlidingWindowCounterRateLimiter",
    "sliding_log": "MovingWindowRateLimiter",
}

Ask = Callable[[str], bool]
"""Asks about a subject; True when it is allowed."""


def ours(bench: Bench, limits: str, algorithm: Any, url: str | None = None) -> Ask:
    cache = hitrate.Cache(url or bench.url, prefix=f"{bench.prefix}-limits", on_error="raise")
    hit = hitrate.RateLimiter(cache, limits, algorithm, on_error="raise").hit
    return lambda name: hit(name).allowed


def of_limits(bench: Bench, limits: str, algorithm: str, url: str | None = None) -> Ask:
    package = import_module("limits")
    storage = import_module("limits.storage").storage_from_string(url or bench.url)
    limiter = getattr(import_module("limits.strategies"), LIMITS_STRATEGIES[algorithm])(storage)
    items = package.parse_many(limits)
    if len(items) == 1:
        hit, item = limiter.hit, items[0]
        return lambda name: bool(hit(item, name))
    return lambda name: min(limiter.hit(item, name) for item in items)


def of_rest_framework(bench: Bench, limits: str = LIMIT) -> Ask:
    """The throttle as a view asks it: a new object for every request."""
    subject = [""]
    throttling = import_module("rest_framework.throttling")

    class Throttle(throttling.SimpleRateThrottle):  # type: ignore[misc]  # known at run time only
        rate = limits
        cache = bench.client(DJANGO_REDIS)

        def get_cache_key(self, _request: Any, _view: Any) -> str:
            return subject[0]

    def ask(name: str) -> bool:
        subject[0] = name
        return bool(Throttle().allow_request(None, None))

    return ask


def allowed(ask: Ask) -> Operation:
    """Calls that are allowed, of one subject after the other."""
    numbers = itertools.count()

    def operation() -> bool | None:
        return ask(f"user:{next(numbers) // CALLS}") or None

    return operation


def refused(ask: Ask) -> Operation:
    """Calls of somebody who has used his limit up."""
    while ask("user:refused"):
        pass

    def operation() -> bool | None:
        return not ask("user:refused") or None

    return operation


Make = Callable[[Bench], Ask]


@contextmanager
def _closed_loops(contenders: Mapping[str, Make], form: Callable[[Ask], Operation], bench: Bench) -> Iterator[Measure]:
    _clear(bench)
    operations: dict[str, Operation] = {}

    def measure(name: str) -> Sample:
        if name not in operations:
            operations[name] = form(contenders[name](bench))
        return closed_loop(operations[name], bench.seconds).sample()

    yield measure


@contextmanager
def _eight_threads(contenders: Mapping[str, Make], bench: Bench) -> Iterator[Measure]:
    _clear(bench)
    operations: dict[str, Operation] = {}

    def measure(name: str) -> Sample:
        if name not in operations:
            operations[name] = allowed(contenders[name](bench))
        hit = operations[name]
        loops = together([lambda _until: closed_loop(hit, 2 * bench.seconds)] * THREADS, 2 * bench.seconds, hit)
        return {
            "hits/s": sum(loop.count / loop.wall for loop in loops),
            "CPU µs": max(loop.cpu for loop in loops) / sum(loop.count for loop in loops) * 1e6,
        }

    yield measure


def _clear(bench: Bench) -> None:
    """What a case before this one counted is not to refuse anybody. The names of `limits` have no prefix of ours."""
    server = bench.server()
    for pattern in (f"{bench.prefix}*", "LIMITS*"):
        for key in server.execute("KEYS", pattern):
            server.execute("DEL", key)


def _why_skipped(_bench: Bench) -> str | None:
    if find_spec("limits") is None:
        return "limits is not installed; pip install 'limits>=5'"
    return PEERS[DJANGO_REDIS].why_missing or (
        None if find_spec("rest_framework") else "REST framework is not installed; pip install djangorestframework"
    )


def _case(
    name: str,
    title: str,
    contenders: Mapping[str, Make],
    bars: tuple[Bar, ...],
    *,
    columns: tuple[str, ...] = ("wall µs", "CPU µs"),
    run: Callable[[Bench], AbstractContextManager[Measure]] | None = None,
) -> Case:
    run = run or partial(_closed_loops, contenders, allowed)
    return Case(name, title, tuple(contenders), columns, run, bars, extra=tuple(contenders), why_skipped=_why_skipped)


def _one(algorithm: str, url: str | None = None, limit: str = LIMIT) -> dict[str, Make]:
    return {
        OURS: lambda bench: ours(bench, limit, algorithm, url),
        LIMITS: lambda bench: of_limits(bench, limit, algorithm, url and "memory://"),
    }


def _on_server(algorithm: str) -> Case:
    return _case(
        f"limits-{algorithm.replace('_', '-')}",
        f"one limit, {algorithm}, allowed",
        {**_one(algorithm), DRF: of_rest_framework},
        (Bar(OURS, "wall µs", LIMITS, at_most=0.65), Bar(OURS, "wall µs", DRF, at_most=0.35)),
    )


REFUSED: dict[str, Make] = {
    **_one("sliding_window", limit=LONG),
    DRF: lambda bench: of_rest_framework(bench, LONG),
}
GCRA: dict[str, Make] = {OURS: lambda bench: ours(bench, LIMIT, "gcra"), DRF: of_rest_framework}
SEVERAL: dict[str, Make] = {
    **_one("sliding_window"),
    OURS_THREE: lambda bench: ours(bench, THREE, "sliding_window"),
    LIMITS_THREE: lambda bench: of_limits(bench, THREE, "sliding_window"),
}

CASES = (
    *map(_on_server, LIMITS_STRATEGIES),
    _case("limits-gcra", "one limit, gcra, allowed", GCRA, (Bar(OURS, "wall µs", DRF, at_most=0.35),)),
    _case(
        "limits-three",
        "three limits in one call, sliding_window",
        SEVERAL,
        (Bar(OURS_THREE, "wall µs", OURS, at_most=1.25),),
    ),
    _case(
        "limits-refused",
        "refused again, sliding_window",
        REFUSED,
        (Bar(OURS, "wall µs", LIMITS, at_most=1 / 40),),
        run=partial(_closed_loops, REFUSED, refused),
    ),
    _case(
        "limits-memory",
        "one limit, fixed_window, allowed, in the process",
        _one("fixed_window", "memory://limits"),
        (Bar(OURS, "wall µs", LIMITS, at_most=0.5),),
    ),
    _case(
        "limits-threads",
        "one limit, sliding_window, allowed, 8 threads",
        _one("sliding_window"),
        (Bar(OURS, "hits/s", LIMITS, at_least=4.0),),
        columns=("hits/s", "CPU µs"),
        run=partial(_eight_threads, _one("sliding_window")),
    ),
)
