"""
What each algorithm of `hitrate.RateLimiter` decides, written down a second time: slowly, exactly and without a server.

A model is told the time of each call in microseconds, as the server had it.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import NamedTuple, Protocol


class Answer(NamedTuple):
    """What a model says of a call: as `hitrate.Decision`, times in microseconds."""

    allowed: bool
    remaining: int
    reset: int


class Model(Protocol):
    """One limit on one subject."""

    def hit(self, now: int, cost: int) -> Answer: ...


class FixedWindow:
    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.begun, self.count = 0, 0

    def hit(self, now: int, cost: int) -> Answer:
        if self.count == 0 or now >= self.begun + self.window:
            self.begun, self.count = now, 0
        allowed = self.count + cost <= self.limit
        self.count += cost if allowed else 0
        return Answer(allowed, self.limit - self.count, self.begun + self.window - now if self.count else 0)


class SlidingWindow:
    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.begun, self.current, self.former = 0, 0, 0

    def hit(self, now: int, cost: int) -> Answer:
        while now >= self.begun + self.window and (self.current or self.former):
            self.begun, self.current, self.former = self.begun + self.window, 0, self.current
        if not (self.current or self.former):
            self.begun = now
        left = self.begun + self.window - now
        used = self.current + self.former * Fraction(left, self.window)
        allowed = used + cost <= self.limit
        if allowed:
            self.current += cost
            used += cost
        reset = left + self.window if self.current else left if self.former else 0
        return Answer(allowed, floor(self.limit - used), reset)


class SlidingLog:
    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.log: list[int] = []

    def hit(self, now: int, cost: int) -> Answer:
        self.log = [moment for moment in self.log if moment > now - self.window]
        allowed = len(self.log) + cost <= self.limit
        self.log += [now] * (cost if allowed else 0)
        reset = self.log[-1] + self.window - now if self.log else 0
        return Answer(allowed, self.limit - len(self.log), reset)


class Gcra:
    def __init__(self, limit: int, window: int, burst: int | None = None) -> None:
        self.interval = -(-window // limit)
        self.capacity = (burst or limit) * self.interval
        self.empty_at = 0

    def hit(self, now: int, cost: int) -> Answer:
        level = max(self.empty_at - now, 0)
        allowed = level + cost * self.interval <= self.capacity
        level += cost * self.interval if allowed else 0
        self.empty_at = now + level
        return Answer(allowed, (self.capacity - level) // self.interval, level)


class Once:
    """
    Keys of the server live for whole milliseconds, by a time that it took before it began the script, which on a busy
    machine is some milliseconds old: calls just after the end are `doubtful`, and may be refused. Before it none is
    allowed.
    """

    SLACK = 25_000

    def __init__(self, limit: int, window: int) -> None:
        assert limit == 1
        self.window = window
        self.taken_at = -(10**18)

    def doubtful(self, now: int) -> bool:
        return 0 <= now - self.taken_at - self.window <= self.SLACK

    def hit(self, now: int, cost: int) -> Answer:
        allowed = now >= self.taken_at + self.window and cost == 1
        self.taken_at = now if allowed else self.taken_at
        return Answer(allowed, 0, self.taken_at + self.window - now)


MODELS = {
    "fixed_window": FixedWindow,
    "sliding_window": SlidingWindow,
    "sliding_log": SlidingLog,
    "gcra": Gcra,
    "once": Once,
}
