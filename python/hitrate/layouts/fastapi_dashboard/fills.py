"""
No stale fill: who finds nothing takes a lease, and what it computes is stored only while that holds.

`get_cached` and `set_cached` are two calls, as in the original, so the lease waits in between for the task that made
the first one, and is given back when that ends. It stands in the entry's own key, so that whatever deletes the key, an
old worker included, voids it. To old workers it is a JSON ``null``, which they take for a miss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from hitrate._native import Lease
from hitrate.cache import Cache

if TYPE_CHECKING:
    import asyncio

# What a task that never ends can have asked for and not stored.
_MAX_HELD = 256
_GONE = (None, 0.0)


class _Asked:
    """
    What one task asked for and has not stored.

    Attributes:
        leases: by key; None: this task may not store.
        has_dropped: whether there were too many, so that what is not among them may have been asked for, too.
    """

    __slots__ = ("has_dropped", "leases")

    def __init__(self) -> None:
        self.leases: dict[str, Lease | None] = {}
        self.has_dropped = False


class Fills:
    """
    The fills of one cache.

    Args:
        cache: of them.
        seconds: after which a lease runs out, and what is computed later is not stored.
    """

    def __init__(self, cache: Cache, seconds: float) -> None:
        self._cache, self._seconds = cache, seconds
        self._asked_by: WeakKeyDictionary[asyncio.Task[Any], _Asked] = WeakKeyDictionary()
        # Leases that stand in keys of the server, and when they run out: they are no entries, and not counted as such.
        # Several threads may have event loops: each step is one that is whole in itself.
        self._standing: dict[str, tuple[Lease, float]] = {}
        self._purge_at = 0.0

    async def ask(self, key: str) -> Any:
        """
        Ask to be the one who computes a value.

        Returns:
            The value, if somebody has stored one meanwhile; else None.
        """
        found = await self._lease_or_value(key)
        if isinstance(found, tuple):
            return found[0]
        # Somebody else computes, or nobody can be asked: what this task computes may be older than what is stored next.
        lease = found if isinstance(found, Lease) else None
        if lease is not None:
            self._note_standing(key, lease)
        self._keep(key, lease)
        return None

    async def _lease_or_value(self, key: str) -> Any:
        # As in `_of_task`: loaded by who is in a task anyway.
        from asyncio import CancelledError, shield

        from hitrate.lease.tasks import in_background

        asking = in_background(self._cache._alease_original(key, self._seconds))
        try:
            return await shield(asking)
        except CancelledError:
            # The server may have given it all the same, and nobody could store anything until it runs out.
            asking.add_done_callback(self._give_up)
            raise

    def refuse(self, key: str) -> None:
        """Let this task store nothing that it computes now: while the server is away, nobody can be asked."""
        self._keep(key, None)

    async def store(self, key: str, value: Any, ttl: float) -> bool | Literal["unasked"]:
        """
        Store what was computed after `ask`.

        Returns:
            Whether it was stored; ``"unasked"`` if this task did not ask. A task that asked for more than it may keep
            stores only what it still knows to have asked for.

        Raises:
            SerializationError: JSON cannot hold it. The lease is still held then.
            ServerError: the server is away.
        """
        asked = self._of_task()
        if key not in asked.leases:
            if asked.has_dropped:
                return False
            self._standing.pop(key, None)
            return "unasked"
        lease = asked.leases[key]
        stored = lease is not None and await self._cache._afill_original(lease, value, ttl)
        asked.leases.pop(key, None)
        self._note_gone(key, lease)
        return stored

    async def give_back(self, key: str) -> None:
        """Let somebody else compute a value: this task cannot store its own."""
        from hitrate.lease.tasks import to_its_end

        lease = self._of_task().leases.pop(key, None)
        if lease is not None:
            await to_its_end(self._release({key: lease}))

    def let_go(self, is_forgotten: Callable[[str], bool]) -> set[str]:
        """
        Let this task store what it computes from now on of what it is about to forget: it knows what it does.

        Returns:
            Keys to be forgotten in which nothing stands but a lease of this process.
        """
        # Nobody waits for leases on their way back: their loop may have ended, and the deletion voids them as well.
        leases, now = self._of_task().leases, time.monotonic()
        for key in [key for key in leases if is_forgotten(key)]:
            del leases[key]
        found = [key for key in list(self._standing) if is_forgotten(key)]
        return {key for key in found if self._standing.pop(key, _GONE)[1] > now}

    def _note_standing(self, key: str, lease: Lease) -> None:
        now = time.monotonic()
        self._standing[key] = lease, now + self._seconds
        if now >= self._purge_at:
            self._purge_at = now + self._seconds
            for other, (_, end) in list(self._standing.items()):
                if end <= now:
                    self._standing.pop(other, None)

    def _note_gone(self, key: str, lease: Lease | None) -> None:
        # Another task's may stand there by now.
        if self._standing.get(key, _GONE)[0] is lease:
            self._standing.pop(key, None)

    def _keep(self, key: str, lease: Lease | None) -> None:
        asked = self._of_task()
        asked.leases.pop(key, None)
        asked.leases[key] = lease
        if len(asked.leases) > _MAX_HELD:
            oldest = next(iter(asked.leases))
            asked.has_dropped = True
            self._give_back_later({oldest: asked.leases.pop(oldest)})

    def _of_task(self) -> _Asked:
        # Imported by who runs a task anyway; programs without one never load asyncio.
        from asyncio import current_task

        task = current_task()
        if task is None:
            return _Asked()
        asked = self._asked_by.get(task)
        if asked is None:
            asked = self._asked_by[task] = _Asked()
            task.add_done_callback(self._ended)
        return asked

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Give back what a task asked for and did not store, so that the next one may."""
        asked = self._asked_by.pop(task, None)
        if asked is not None:
            self._give_back_later(asked.leases)

    def _give_up(self, asking: asyncio.Future[Any]) -> None:
        from hitrate.lease.tasks import in_background

        if not asking.cancelled() and asking.exception() is None and isinstance(asking.result(), Lease):
            in_background(self._cache._arelease_original(asking.result()))

    def _give_back_later(self, found: Mapping[str, Lease | None]) -> None:
        from hitrate.lease.tasks import in_background

        leases = {key: lease for key, lease in found.items() if lease is not None}
        if leases:
            in_background(self._release(leases))

    async def _release(self, leases: dict[str, Lease]) -> None:
        for key, lease in leases.items():
            await self._cache._arelease_original(lease)
            self._note_gone(key, lease)
