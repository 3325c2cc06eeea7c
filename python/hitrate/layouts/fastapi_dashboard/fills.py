"""
No stale fill: who finds nothing takes a lease, and what it computes is stored only while that holds.

`get_cached` and `set_cached` are two calls, as in the original, so the lease waits in between for the task that made
the first one, and is given back when that ends. It stands in the entry's own key, so that whatever deletes the key, an
old worker included, voids it. To old workers it is a JSON ``null``, which they take for a miss.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from hitrate._native import Lease
from hitrate.cache import Cache

if TYPE_CHECKING:
    import asyncio

# What a task that never ends can have asked for and not stored.
_MAX_HELD = 256


class Fills:
    """
    The fills of one cache.

    Args:
        cache: of them.
        seconds: after which a lease runs out, and what is computed later is not stored.
    """

    def __init__(self, cache: Cache, seconds: float) -> None:
        self._cache, self._seconds = cache, seconds
        # By task and key; None: this task may not store.
        self._held: WeakKeyDictionary[asyncio.Task[Any], dict[str, Lease | None]] = WeakKeyDictionary()
        # Leases that stand in keys of the server, and when they run out: they are no entries, and not counted as such.
        self._standing: dict[str, float] = {}
        self._releases: set[asyncio.Task[None]] = set()

    async def ask(self, key: str) -> Any:
        """
        Ask to be the one who computes a value.

        Returns:
            The value, if somebody has stored one meanwhile; else None.
        """
        found = await self._asked(key)
        if isinstance(found, tuple):
            return found[0]
        # Somebody else computes, or nobody can be asked: what this task computes may be older than what is stored next.
        lease = found if isinstance(found, Lease) else None
        if lease is not None:
            self._standing[key] = time.monotonic() + self._seconds
        self._keep(key, lease)
        return None

    async def _asked(self, key: str) -> Any:
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
            Whether it was stored; ``"unasked"`` if this task did not ask.

        Raises:
            SerializationError: JSON cannot hold it. The lease is still held then.
            ServerError: the server is away.
        """
        held = self._of_task()
        if key not in held:
            self._standing.pop(key, None)
            return "unasked"
        lease = held[key]
        stored = lease is not None and await self._cache._afill_original(lease, value, ttl)
        held.pop(key, None)
        self._standing.pop(key, None)
        return stored

    async def give_back(self, key: str) -> None:
        """Let somebody else compute a value: this task cannot store its own."""
        lease = self._of_task().pop(key, None)
        if lease is not None:
            await self._release({key: lease})

    def let_go(self, is_forgotten: Callable[[str], bool]) -> set[str]:
        """
        Let this task store what it computes from now on of what it is about to forget: it knows what it does.

        Returns:
            Keys to be forgotten in which nothing stands but a lease of this process.
        """
        held, now = self._of_task(), time.monotonic()
        for key in [key for key in held if is_forgotten(key)]:
            del held[key]
        found = {key for key in self._standing if is_forgotten(key)}
        return {key for key in found if self._standing.pop(key) > now}

    def _keep(self, key: str, lease: Lease | None) -> None:
        held = self._of_task()
        held.pop(key, None)
        held[key] = lease
        if len(held) > _MAX_HELD:
            del held[next(iter(held))]

    def _of_task(self) -> dict[str, Lease | None]:
        # Imported by who runs a task anyway; programs without one never load asyncio.
        from asyncio import current_task

        task = current_task()
        if task is None:
            return {}
        held = self._held.get(task)
        if held is None:
            held = self._held[task] = {}
            task.add_done_callback(self._ended)
        return held

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Give back what a task asked for and did not store, so that the next one may."""
        leases = {key: lease for key, lease in self._held.pop(task, {}).items() if lease is not None}
        loop = task.get_loop()
        if leases and not loop.is_closed():
            release = loop.create_task(self._release(leases))
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    def _give_up(self, asking: asyncio.Future[Any]) -> None:
        from hitrate.lease.tasks import in_background

        if not asking.cancelled() and asking.exception() is None and isinstance(asking.result(), Lease):
            in_background(self._cache._arelease_original(asking.result()))

    async def _release(self, leases: dict[str, Lease]) -> None:
        for key, lease in leases.items():
            await self._cache._arelease_original(lease)
            self._standing.pop(key, None)
