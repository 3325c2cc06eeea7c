"""
Some threads that hit a limiter in random bursts: a process of `test_limits.py`, or several in one.

``python -m tests.faults.limit_crew '{"url": ..., "prefix": ..., ...}'`` prints what was decided, as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import hitrate


@dataclass(frozen=True)
class Plan:
    """
    What a crew does.

    Attributes:
        url, prefix: of the cache.
        algorithm, count, window: of the limit; the window in seconds.
        subjects: how many are limited.
        threads: that hit.
        hits: of each thread.
        seed: of its chances.
        local: whether refusals may be repeated from memory.
    """

    url: str
    prefix: str
    algorithm: Any
    count: int
    window: float
    subjects: int
    threads: int
    hits: int
    seed: int
    local: bool

    def to_json(self) -> str:
        """As an argument of this program."""
        return json.dumps(asdict(self))


class Hit(NamedTuple):
    """One call, and what was decided: `at` is the server's time in µs."""

    at: int
    subject: int
    cost: int
    allowed: bool
    remaining: int


def run(plan: Plan) -> list[Hit]:
    """Run the threads to their end."""
    cache = hitrate.Cache(plan.url, prefix=plan.prefix, on_error="raise", timeout=20)
    limit = hitrate.Limit(plan.count, plan.window, name="crew")
    limiter = hitrate.RateLimiter(cache, limit, plan.algorithm, on_error="raise", max_staleness=1 if plan.local else 0)
    found: list[Hit] = []
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            found.extend(_hits(limiter, plan, random.Random(plan.seed * 1000 + number)))
        except BaseException as failure:  # noqa: BLE001 (told by the main thread)
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(plan.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    cache.close()
    return found


def _hits(limiter: hitrate.RateLimiter, plan: Plan, chance: random.Random) -> list[Hit]:
    found: list[Hit] = []
    while len(found) < plan.hits:
        for _ in range(chance.randrange(1, 60)):
            subject = chance.randrange(plan.subjects)
            cost = 1 if plan.algorithm == "once" else chance.choice((1, 1, 1, 1, 2, 5))
            decision = limiter.hit(f"subject:{subject}", cost)
            found.append(Hit(decision._at_us or 0, subject, cost, decision.allowed, decision.remaining))
        time.sleep(chance.choice((0, 0, 0.002, plan.window / 3)))
    return found


if __name__ == "__main__":
    json.dump(run(Plan(**json.loads(sys.argv[1]))), sys.stdout)
