"""Where an answer lives that another program reads and stores, too, and the native verbs about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hitrate._native import Entry, Lease
from hitrate.cache import Cache
from hitrate.exceptions import SerializationError
from hitrate.lease.place import Place


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """An answer that was made from data, with what matters of an `Entry`. All times in seconds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    age: float
    fresh_for: float

    def by_name(self) -> dict[str, tuple[str, str]]:
        """The headers by their names in lower case, in a dictionary of the caller's own."""
        return {line[0].lower(): line for line in self.headers}


@dataclass(frozen=True, slots=True)
class OriginalPlace:
    """
    Where an answer lives that old code reads, as `hitrate.lease.Place` is for our own.

    Attributes:
        client: the cache.
        key: the original's.
        native: the place of the answer in our own form: it is served, but never filled from here.
        rebuild: makes an answer from data and the seconds it has left; None: it must not be served.
        give_up: called when what is to be stored cannot be.
        tags: none, ever.
    """

    client: Cache
    key: str
    native: Place
    rebuild: Callable[[Any, float], Rebuilt | None]
    give_up: Callable[[], None]
    tags: tuple[str, ...] = ()

    def look(self) -> Rebuilt | Entry | None:
        """The answer, in either form."""
        found = self.client._original(self.key)
        return (self.rebuild(*found) if found else None) or self.native.look()

    async def alook(self) -> Rebuilt | Entry | None:
        """The answer, in either form."""
        found = await self.client._aoriginal(self.key)
        return (self.rebuild(*found) if found else None) or await self.native.alook()

    def lease(self, seconds: float, _seen: object) -> Lease | Rebuilt | float | None:
        """Ask to be the one who computes; None also where an answer is there that must not be served."""
        return self.met(self.client._lease_original(self.key, seconds))

    def alease(self, seconds: float, _seen: object) -> Awaitable[Any]:
        """Ask to be the one who computes, in no task, which a loop that ends would cancel; `met` reads the answer."""
        return self.client._alease_original(self.key, seconds)

    def met(self, answer: Any) -> Lease | Rebuilt | float | None:
        """What `alease` gives, as `lease` gives it."""
        return self.rebuild(*answer) if isinstance(answer, tuple) else answer

    def release(self, lease: Lease) -> bool:
        """Give a lease back."""
        return self.client._release_original(lease)

    def arelease(self, lease: Lease) -> Awaitable[bool]:
        """Give a lease back."""
        return self.client._arelease_original(lease)

    def keep_response(self, lease: Lease | None, value: Any, lifetime: float) -> bool:
        """Store an answer in the original's form, if the lease still holds; tell whether it did."""
        try:
            return lease is not None and self.client._fill_original(lease, value, lifetime)
        except SerializationError:
            self.give_up()
            return False

    async def akeep_response(self, lease: Lease | None, value: Any, lifetime: float) -> bool:
        """Store an answer, as `keep_response` does."""
        try:
            return lease is not None and await self.client._afill_original(lease, value, lifetime)
        except SerializationError:
            self.give_up()
            return False

    def forget(self) -> None:
        """Delete the answer in both forms."""
        self.client.delete_many([self.key, self.native.key])

    async def aforget(self) -> None:
        """Delete the answer in both forms."""
        await self.client.adelete_many([self.key, self.native.key])

    def sleep(self, seconds: float) -> None:
        """Let time pass as this process waits."""
        self.client._sleep(seconds)
