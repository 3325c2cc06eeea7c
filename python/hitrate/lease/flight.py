"""Rebuilds under way in this process, and waiting for them."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, TypeAlias

from hitrate._native import Lease
from hitrate.lease.rules import Made


class Flight:
    """
    A rebuild under way in this process.

    Attributes:
        is_in_vain: what came of it is not in the cache, and would not be the next time.
        lease: under which it is made, once it is known.
        has_failed: nothing came of it, or an answer that says so: one with a status of 500 or above.
    """

    __slots__ = ("_began", "_landed", "has_failed", "is_in_vain", "lease")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._landed = threading.Event()
        self.lease: Lease | None = None
        self.is_in_vain = False
        self.has_failed = False

    def note(self, made: Made[Any]) -> None:
        """Remember what came of it."""
        self.has_failed = made.has_failed
        self.is_in_vain = made.has_failed or not made.may_be_stored

    def has_hung(self, seconds: float) -> bool:
        """Whether it began so long ago that it is given up for dead."""
        return time.monotonic() - self._began > seconds

    def land(self) -> None:
        """Let those go on who wait."""
        self._landed.set()

    def join(self, seconds: float) -> bool:
        """Wait for it; False when the time is over."""
        return self._landed.wait(seconds)


Flights: TypeAlias = dict[tuple[int, str], Flight]
"""By cache and key."""

# Its single operations are atomic, so that a fork finds no lock taken. A child begins with none: the threads that would
# land these do not exist there.
_threads: Flights = {}

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)


def of_threads() -> Flights:
    """Those of the threads and greenlets of this process."""
    return _threads
