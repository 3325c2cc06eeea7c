"""Set, get and delete, for real; and what the cache is worth: cold against warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hitrate import Cache, ServerError
from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, ok, problem
from hitrate.cli.doctor.reach import explain
from hitrate.cli.timing import duration, measure

# As large as a typical cached answer.
VALUE = {"text": "x" * 1000}
TTL = 60
WARM_READS = 100


def check_verbs(cache: Cache, facts: Facts, key: str) -> Iterator[Finding]:
    """
    Store a value, read it, delete it, and look whether it is gone.

    Args:
        cache: to do it with.
        facts: what is known of the server.
        key: that belongs to the examination alone, without what the cache puts in front.
    """
    steps: dict[str, Callable[[], bool]] = {
        "set": lambda: cache.set(key, VALUE, ttl=TTL),
        "get": lambda: bool(cache.get(key) == VALUE),
        "delete": lambda: cache.delete(key) and not cache.has(key),
    }
    done: list[str] = []
    for name, step in steps.items():
        try:
            failure = None if step() else _lie(name)
        except ServerError as error:
            failure = explain(error, facts.target)
        if failure:
            found = f"{name} of a test key failed: {failure.found}"
            yield problem(
                f"verbs.{name}", found, value=False, why="this is what every page does", advice=failure.advice
            )
            return
        done.append(name)
    yield ok("verbs.work", f"{', '.join(done)} of a test key work", done)


def _lie(name: str) -> Finding:
    """What to say of a verb that raised nothing and did nothing."""
    found = f"{name} did not do what the server said it did"
    advice = "does a proxy, another program or eviction stand between? look with redis-cli MONITOR"
    return problem(f"verbs.{name}", found, why="", advice=advice)


def check_speed(facts: Facts, key: str) -> Iterator[Finding]:
    """
    Time a first call, which connects, misses and stores, and calls that find the value.

    Raises:
        ServerError: setting, reading or deleting failed; `check_verbs` comes first.
    """
    fresh = facts.target.open()
    try:
        began = time.perf_counter()
        fresh.get_or_set(key, VALUE, ttl=TTL)
        cold = time.perf_counter() - began
        warm = measure(lambda: fresh.get(key), WARM_READS, budget=2.0)
        fresh.delete(key)
    finally:
        fresh.close()
    found = f"cold (connect, miss, store) {duration(cold)}, warm (hit, 1 KB) {duration(warm.median)}"
    yield ok("verbs.speed", found, {"cold": round(cold, 9), "warm": warm.as_dict()})
