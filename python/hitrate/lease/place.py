"""Where an entry lives, and the native verbs about it, which nobody calls but by this."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from hitrate._native import Entry, Lease
from hitrate.twins import Twins

# Of one entry, as src/codec/envelope.rs has it.
MAX_TAGS = 64
MAX_HEADERS = 256


class Times(TypedDict):
    """
    How long an entry is good, in seconds.

    Attributes:
        fresh: the age below which it is fresh.
        lifetime: from now on, until the server drops it.
        older_by: how much older than the lease what it was made from may be.
    """

    fresh: float
    lifetime: float
    older_by: float


@dataclass(frozen=True, slots=True)
class Response:
    """
    A response to store.

    Attributes:
        status: the code.
        headers: name and value of each line.
        body: its content.
        etag: its tag.
        age: how old it was when it came, in seconds.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    etag: str
    age: float = 0.0


class Place(NamedTuple):
    """
    Where an entry lives.

    Attributes:
        client: the cache.
        key: as the cache's verbs take it.
        tags: by which it is forgotten.
    """

    client: Twins
    key: str
    tags: tuple[str, ...] = ()

    def look(self) -> Entry | None:
        """The entry, fresh or stale; None: there is none, or the server is away."""
        return self.client._entry(self.key, self.tags)

    async def alook(self) -> Entry | None:
        """The entry, as `look` finds it."""
        return await self.client._aentry(self.key, self.tags)

    def lease(self, seconds: float, seen: Entry | None) -> Lease | Entry | float | None:
        """
        Ask to be the one who rebuilds.

        Args:
            seconds: after which another one may.
            seen: the stale entry at hand.

        Returns:
            A lease; or a newer entry; or the seconds that the lease of another one has left; or None: the server is
            away.
        """
        return self.client._lease(self.key, seconds, self.tags, seen=seen)

    def alease(self, seconds: float, seen: Entry | None) -> Awaitable[Any]:
        """Ask to be the one who rebuilds, in no task, which a loop that ends would cancel; `met` reads the answer."""
        return self.client._alease(self.key, seconds, self.tags, seen=seen)

    def met(self, answer: Lease | Entry | float | None) -> Lease | Entry | float | None:
        """What `alease` gives, as `lease` gives it."""
        return answer

    def release(self, lease: Lease) -> bool:
        """Give a lease back."""
        return self.client._release(lease)

    def arelease(self, lease: Lease) -> Awaitable[bool]:
        """Give a lease back, as `alease` asks for it."""
        return self.client._arelease(lease)

    def keep_response(self, lease: Lease | None, made: Response, times: Times) -> bool:
        """Store a response, if the lease still holds; tell whether it did."""
        if lease is None:
            return False
        return self.client._fill_response(
            lease, made.status, made.headers, made.body, etag=made.etag, age=made.age, **times
        )

    async def akeep_response(self, lease: Lease | None, made: Response, times: Times) -> bool:
        """Store a response, as `keep_response` does."""
        if lease is None:
            return False
        return await self.client._afill_response(
            lease, made.status, made.headers, made.body, etag=made.etag, age=made.age, **times
        )

    def keep_value(self, lease: Lease | None, value: Any, times: Times) -> bool:
        """Store a value, if the lease still holds; tell whether it did."""
        return lease is not None and self.client._fill_value(lease, value, **times)

    async def akeep_value(self, lease: Lease | None, value: Any, times: Times) -> bool:
        """Store a value, as `keep_value` does."""
        return lease is not None and await self.client._afill_value(lease, value, **times)

    def forget(self) -> bool | None:
        """Delete the entry, and whatever lease there is; tell whether there was one, None if the server is away."""
        return self.client.delete(self.key)

    async def aforget(self) -> bool | None:
        """Delete the entry, as `forget` does."""
        return await self.client.adelete(self.key)

    def sleep(self, seconds: float) -> None:
        """Let time pass as this process waits: in a greenlet, others run."""
        self.client._sleep(seconds)
