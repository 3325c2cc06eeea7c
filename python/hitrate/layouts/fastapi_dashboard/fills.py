"""
No stale fill: who finds nothing takes a lease, and what it computes is stored only while that holds.

`get_cached` and `set_cached` are two calls, as in the original, so the lease waits in between for the task that made
the first one, and is given back when that ends. It stands in the entry's own key, so that whatever deletes the key, an
old worker included, voids it. To old workers it is a JSON ``null``, which they take for a miss.

Where the second call is made by another task, `asked` tells whether the lease may be used all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from hitrate._native import Lease
from hitrate.cache import Cache
from hitrate.layouts.fastapi_dashboard.asked import MAX_KNOWN, Asker, Claim, Known, Remembered

if TYPE_CHECKING:
    import asyncio

_GONE = (None, 0.0)
_NOTHING = Known()
_numbers = count(1)


class Fills:
    """
    The fills of one cache.

    Args:
        cache: of them.
        seconds: after which a lease runs out, and what is computed later is not stored.
    """

    def __init__(self, cache: Cache, seconds: float) -> None:
        self._cache, self._seconds = cache, seconds
        self._askers: WeakKeyDictionary[asyncio.Task[Any], Asker] = WeakKeyDictionary()
        self._known: ContextVar[Known] = ContextVar(f"dashboard-fills-{next(_numbers)}")
        self._remembered = Remembered(seconds)
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
        # As in `_asker`: loaded by who is in a task anyway.
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

    async def store(self, key: str, value: Any, ttl: float) -> bool | Literal["unasked", "unknown"]:
        """
        Store what was computed after `ask`.

        Returns:
            Whether it was stored; ``"unasked"`` if nobody in this process asked lately, or this task stored or forgot
            it; ``"unknown"`` if somebody asked, and nobody knows whether that was before this was computed. A task
            that asked for more than it may know stores only what it still knows to have asked for.

        Raises:
            SerializationError: JSON cannot hold it. The lease is still held then.
            ServerError: the server is away.
        """
        known = self._known.get(_NOTHING)
        claim = known.claims.get(key)
        if claim is not None and not (claim.was_stored or claim.asker.has_ended):
            return await self._fill(claim, key, value, ttl)
        if not known.may_overwrite(key):
            if known.is_partial:
                return False
            if key in self._remembered:
                self._standing.pop(key, None)
                return "unknown"
        self._standing.pop(key, None)
        return "unasked"

    async def _fill(self, claim: Claim, key: str, value: Any, ttl: float) -> bool:
        lease = claim.lease
        stored = lease is not None and await self._cache._afill_original(lease, value, ttl)
        claim.lease, claim.was_stored = None, claim.was_stored or stored
        self._note_gone(key, lease)
        return stored

    async def give_back(self, key: str) -> None:
        """Let somebody else compute a value: this task cannot store its own."""
        from hitrate.lease.tasks import to_its_end

        claim = self._asker().claims.get(key)
        lease = None if claim is None else claim.take()
        if lease is not None:
            await to_its_end(self._release(key, lease))

    def let_go(self, is_forgotten: Callable[[str], bool]) -> set[str]:
        """
        Let this task store what it computes from now on of what it is about to forget: it knows what it does.

        Returns:
            Keys to be forgotten in which nothing stands but a lease of this process.
        """
        # Nobody waits for leases on their way back: their loop may have ended, and the deletion voids them as well.
        now = time.monotonic()
        self._known.set(self._known.get(_NOTHING).forgot(self._asker(), is_forgotten))
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
        self._remembered.add(key)
        asker = self._asker()
        known = self._known.get(_NOTHING).asked(asker, key, lease)
        if len(known.claims) > MAX_KNOWN:
            oldest = next(iter(known.claims))
            known = known.dropped(asker, oldest)
            own = asker.claims.pop(oldest, None)
            self._give_back_later(oldest, None if own is None else own.take())
        self._known.set(known)

    def _asker(self) -> Asker:
        # Imported by who runs a task anyway; programs without one never load asyncio.
        from asyncio import current_task

        task = current_task()
        if task is None:
            return Asker()
        asker = self._askers.get(task)
        if asker is None:
            asker = self._askers[task] = Asker()
            task.add_done_callback(self._ended)
        return asker

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Give back what a task asked for and did not store, so that the next one may."""
        asker = self._askers.pop(task)
        asker.has_ended = True
        for key, claim in asker.claims.items():
            self._give_back_later(key, claim.take())
        asker.claims.clear()

    def _give_up(self, asking: asyncio.Future[Any]) -> None:
        if not asking.cancelled() and asking.exception() is None and isinstance(asking.result(), Lease):
            self._give_back_later(None, asking.result())

    def _give_back_later(self, key: str | None, lease: Lease | None) -> None:
        """
        Send a lease back in this turn of the loop, which may be its last: a task would not get its turn any more.

        Args:
            key: where it was noted as standing.
            lease: if there is one.
        """
        if lease is None:
            return
        returning = self._cache._arelease_original(lease)
        if not hasattr(returning, "add_done_callback"):
            # A store in this process has answered already.
            self._note_returned(key, lease)
        else:
            returning.add_done_callback(lambda done: self._note_returned(key, lease, done))

    def _note_returned(self, key: str | None, lease: Lease, done: asyncio.Future[Any] | None = None) -> None:
        if done is not None and not done.cancelled():
            # Nobody is there any more to be told; it ends by itself then.
            done.exception()
        if key is not None:
            self._note_gone(key, lease)

    async def _release(self, key: str, lease: Lease) -> None:
        await self._cache._arelease_original(lease)
        self._note_gone(key, lease)
