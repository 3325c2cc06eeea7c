"""
What tasks asked for, so that nothing older than a change is stored by whoever did not ask himself.

A task may store under the leases that were handed out to it, and to tasks around it before it began: whatever it reads
is younger. `asyncio.gather` and `create_task` copy the context of the task that calls them, and with it how far that
had come. What a task *within* asked for says nothing of what the one around it has read meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hitrate._native import Lease

# What a task that never ends can have asked for and not stored, and the calls to forget that are remembered of it.
_MAX_HELD, _MAX_FORGOTTEN = 256, 16
# Of a process, about a hundred bytes each.
_MAX_REMEMBERED = 16_384
# A request may take longer than its lease.
_LEAST_SECONDS = 30.0


class Stand(NamedTuple):
    """How far a task had come when another one began."""

    asked: Asked
    steps: int

    def and_around(self) -> Iterator[Stand]:
        """Yield it, then those that its task had around it."""
        stand: Stand | None = self
        while stand is not None:
            yield stand
            stand = stand.asked.around


class _Forgot:
    """
    One call to forget.

    Args:
        is_forgotten: what it covers.
        step: of its task.
    """

    __slots__ = ("_is_forgotten", "_step", "asked_since")

    def __init__(self, is_forgotten: Callable[[str], bool], step: int) -> None:
        self._is_forgotten, self._step = is_forgotten, step
        self.asked_since: set[str] = set()

    def covers(self, key: str, steps: int) -> bool:
        """Tell whether what is computed for a key after so many steps of the task is newer than this call."""
        # A task that asks for very much is not taken at its word any more.
        is_known = self._step <= steps and len(self.asked_since) <= _MAX_HELD
        return is_known and key not in self.asked_since and self._is_forgotten(key)


class Asked:
    """
    What one task asked for and has not stored.

    Attributes:
        leases: by key, with the step in which it asked; None: this task may not store.
        has_dropped: whether there were too many, so that what is not among them may have been asked for, too.
        around: the task that began this one, as far as it had come.
    """

    __slots__ = ("_forgotten", "_steps", "_stored", "_var", "around", "has_dropped", "leases")

    def __init__(self, var: ContextVar[Stand | None]) -> None:
        self.leases: dict[str, tuple[Lease | None, int]] = {}
        self.has_dropped = False
        self._forgotten: deque[_Forgot] = deque(maxlen=_MAX_FORGOTTEN)
        self._stored: dict[str, int] = {}
        self._var, self.around, self._steps = var, var.get(), 0

    def keep(self, key: str, lease: Lease | None) -> tuple[str, Lease | None] | None:
        """Note what was asked for; return what there is no more room for."""
        held = self.leases.pop(key, (None, 0))
        self._stored.pop(key, None)
        # Asked a second time, the server says that somebody computes: it may be this task.
        is_still_held = lease is None and held[0] is not None
        self.leases[key] = held if is_still_held else (lease, self._step())
        for forgot in self._forgotten:
            forgot.asked_since.add(key)
        if len(self.leases) <= _MAX_HELD:
            return None
        self.has_dropped = True
        oldest = next(iter(self.leases))
        return oldest, self.leases.pop(oldest)[0]

    def note_end(self, key: str, *, was_stored: bool) -> None:
        """Note what came of a lease."""
        _, step = self.leases.pop(key, (None, 0))
        if was_stored:
            self._stored[key] = step
            if len(self._stored) > _MAX_HELD:
                del self._stored[next(iter(self._stored))]

    def let_go(self, is_forgotten: Callable[[str], bool]) -> None:
        """Note that this task forgets something: what it computes from now on is as new as anything."""
        for key in [key for key in self.leases if is_forgotten(key)]:
            del self.leases[key]
        self._forgotten.append(_Forgot(is_forgotten, self._step()))

    def knows_better(self, key: str, steps: int) -> bool:
        """
        Tell whether this task may store, without a lease, what it computed after so many steps.

        It may if it had stored or forgotten what stood there, and has not asked for it since.
        """
        stored = self._stored.get(key, steps + 1) <= steps
        return stored or any(forgot.covers(key, steps) for forgot in self._forgotten)

    def end(self) -> dict[str, tuple[Lease | None, int]]:
        """End with the task; return what it did not store. Tasks that go on do not keep their ancestors."""
        leases, self.leases, self.around = self.leases, {}, None
        self._forgotten.clear()
        self._stored.clear()
        return leases

    def stands(self) -> Iterator[Stand]:
        """Yield this task as far as it has come, then those around it as far as they had come."""
        return Stand(self, self._steps).and_around()

    def _step(self) -> int:
        self._steps += 1
        self._var.set(Stand(self, self._steps))
        return self._steps


class Remembered:
    """
    Keys that this process asked for lately, whatever came of it. For use by several threads.

    Args:
        seconds: for which they are remembered at least.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, _LEAST_SECONDS)
        self._lock = Lock()
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self._turn_at = self._unknown_until = 0.0

    def add(self, key: str) -> None:
        """Remember a key."""
        now = time.monotonic()
        with self._lock:
            if now >= self._turn_at or len(self._recent) >= _MAX_REMEMBERED:
                if now < self._turn_at:
                    # Those that make room now may have been asked for as lately as this one.
                    self._unknown_until = now + self._seconds
                self._recent, self._older = set(), self._recent
                self._turn_at = now + self._seconds
            self._recent.add(key)

    def __contains__(self, key: str) -> bool:
        """Tell whether it was asked for, or may have been."""
        with self._lock:
            return time.monotonic() < self._unknown_until or key in self._recent or key in self._older
