"""
What tasks asked for, so that nothing older than a change is stored by whoever did not ask himself.

A task may store under the leases that were handed out to it, and to tasks around it before it began: whatever it reads
is younger. `asyncio.gather` and `create_task` copy the context of the task that calls them, and with it what that
knows; nothing comes back. What a task *within* asked for says nothing of what the one around it has read meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hitrate._native import Lease

# Keys that a task knows of at most, and calls to forget.
MAX_KNOWN, _MAX_FORGOTTEN = 256, 16
# Of a process, about a hundred bytes each.
_MAX_REMEMBERED = 16_384
# A request may take longer than its lease.
_LEAST_SECONDS = 30.0


class Asker:
    """
    A task.

    Attributes:
        claims: what it asked for last, by key.
        has_ended: so that what it knew counts no more, for tasks that it began either.
    """

    __slots__ = ("claims", "has_ended")

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self.has_ended = False


class Claim:
    """
    What came of asking for a key.

    Attributes:
        asker: who did.
        lease: under which the value may be stored; None: under none, because somebody else computes, nobody could be
            asked, or this one was used.
        was_stored: whether a value was stored under it, and may be written over.
    """

    __slots__ = ("asker", "lease", "was_stored")

    def __init__(self, asker: Asker, lease: Lease | None) -> None:
        self.asker, self.lease, self.was_stored = asker, lease, False

    def take(self) -> Lease | None:
        """Take the lease away from it, to give it back."""
        lease, self.lease = self.lease, None
        return lease


class Known(NamedTuple):
    """
    What a task knows. It never changes: a task that learns something goes on with another one.

    Attributes:
        claims: by key, the oldest first.
        forgotten: what was forgotten and by whom, and not asked for since.
        has_dropped: who asked for so much that some of it is not known any more.
    """

    claims: Mapping[str, Claim] = {}
    forgotten: tuple[tuple[Asker, Callable[[str], bool]], ...] = ()
    has_dropped: Asker | None = None

    def may_overwrite(self, key: str) -> bool:
        """Tell whether what stood at a key was stored or forgotten, and not asked for since."""
        if (claim := self.claims.get(key)) is not None:
            return claim.was_stored and not claim.asker.has_ended
        return any(covers(key) for asker, covers in self.forgotten if not asker.has_ended)

    @property
    def is_partial(self) -> bool:
        """Whether more was asked for than is known."""
        return self.has_dropped is not None and not self.has_dropped.has_ended

    def asked(self, asker: Asker, key: str, lease: Lease | None) -> Known:
        """Ask for a key."""
        own = asker.claims.get(key)
        # Asked a second time, the server says that somebody computes: it may be this task.
        if lease is not None or own is None or own.lease is None:
            own = asker.claims[key] = Claim(asker, lease)
        claims = dict(self.claims)
        claims.pop(key, None)
        return self._replace(claims={**claims, key: own})

    def dropped(self, asker: Asker, key: str) -> Known:
        """Know of a key no more for want of room, nor whether it was asked for since it was forgotten."""
        claims = dict(self.claims)
        if claims.pop(key).was_stored:
            return self._replace(claims=claims)
        return Known(claims, tuple(one for one in self.forgotten if not one[1](key)), asker)

    def forgot(self, asker: Asker, covers: Callable[[str], bool]) -> Known:
        """Forget something."""
        for key in [key for key in asker.claims if covers(key)]:
            del asker.claims[key]
        claims = {key: claim for key, claim in self.claims.items() if not covers(key)}
        forgotten = (*self.forgotten, (asker, covers))[-_MAX_FORGOTTEN:]
        return self._replace(claims=claims, forgotten=forgotten)


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
