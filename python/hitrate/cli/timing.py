"""Measuring, and numbers, durations and sizes as people read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True)
class Timings:
    """
    How long each of several calls took.

    Attributes:
        seconds: of each, in ascending order; at least one.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the calls took at most this many seconds."""
        return self.quantile(0.5)

    def quantile(self, share: float) -> float:
        """Seconds that this share (0 to 1) of the calls took at most: nearest rank, so one that was measured."""
        return self.seconds[max(ceil(len(self.seconds) * share) - 1, 0)]

    def as_dict(self) -> dict[str, Any]:
        """``count``, and ``p50``, ``p99``, ``max`` and ``mean`` in seconds."""
        mean = sum(self.seconds) / len(self.seconds)
        parts = {"p50": self.median, "p99": self.quantile(0.99), "max": self.seconds[-1], "mean": mean}
        return {"count": len(self.seconds), **{name: round(value, 9) for name, value in parts.items()}}


def measure(
    call: Callable[[], object], count: int, *, budget: float, advance: Callable[[int], None] = lambda _: None
) -> Timings:
    """
    Time a call again and again.

    Args:
        call: what to time.
        count: how often, at least 1.
        budget: seconds after which it ends early; one call is always made.
        advance: told after each call, for a progress bar.
    """
    end = time.perf_counter() + budget
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        now = time.perf_counter()
        taken.append(now - began)
        advance(1)
        if now > end:
            break
    return Timings(tuple(sorted(taken)))


def counted(count: int, noun: str) -> str:
    """``1200`` and ``"key"`` as ``1,200 keys``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """``0.000061`` as ``61 µs``."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 0.001:
        return f"{seconds * 1e3:.2f} ms" if seconds < 0.01 else f"{seconds * 1e3:.0f} ms"
    return f"{seconds * 1e6:.0f} µs"


def size(count: float) -> str:
    """``1536`` as ``1.5 KiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
