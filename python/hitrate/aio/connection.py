"""One connection of an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from hitrate._native import Channel

if TYPE_CHECKING:
    from typing_extensions import Self

    from hitrate._native import Pending
    from hitrate.aio.pool import Pool


class Connection(Channel, asyncio.Protocol):
    """
    One connection, used by many calls at once.

    What is done for each call is done by the native class. It calls `late`, `broken`, `outdated` and `changed` when
    something happened that concerns the pool.

    Args:
        loop: the event loop it lives in.
        pending: the call for which it is opened.
        pool: it belongs to.

    Attributes:
        opening: the task that opens it.
        begun_at: when that was begun, by the clock of the loop.
        stage: what it waits for: "connect" or "greeting".
        cause: why it was closed, in words.
        is_being_emptied: whether a call waits until it is idle, to have it for itself.
    """

    def __new__(cls, loop: asyncio.AbstractEventLoop, pending: Pending, _pool: Pool) -> Self:
        """Make the native part, which takes the first two arguments."""
        return super().__new__(cls, loop, pending)

    def __init__(self, loop: asyncio.AbstractEventLoop, _pending: Pending, pool: Pool) -> None:
        self.transport: asyncio.Transport | None = None
        self.opening: asyncio.Task[None] | None = None
        self.begun_at = loop.time()
        self.stage = "connect"
        self.cause = "the server closed it"
        self.is_being_emptied = False
        self._pool = pool

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hear that it is open."""
        self.transport = cast("asyncio.Transport", transport)
        self.attach(self.transport.write)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that it is closed."""
        self.attach(None)
        transport, self.transport = self.transport, None
        if transport is not None:
            # Python 3.10 warns of one of TLS that was lost, unless it is closed as well.
            transport.abort()
        if exc is not None:
            self.cause = str(exc) or type(exc).__name__
        self._pool.lost(self)

    def late(self) -> None:
        """Hear that calls passed their deadlines."""
        self._pool.retire(self, moving=True)

    def broken(self) -> None:
        """Hear that what the server sent is no reply, or nobody's."""
        self.cause = "the connection was closed: the server sent what is no reply, or nobody's"
        self.close()

    def outdated(self) -> None:
        """Hear that the server has become a replica."""
        self._pool.renew()

    def changed(self) -> None:
        """Hear that calls were answered, or that there is room again."""
        self._pool.changed(self)

    @property
    def peer(self) -> tuple[Any, ...]:
        """Host and port at the other end; nothing of a unix socket."""
        address = None if self.transport is None else self.transport.get_extra_info("peername")
        return address[:2] if isinstance(address, tuple) else ()

    def close(self) -> None:
        """Close it at once; `connection_lost` follows in the next turn of the loop."""
        self.retire()
        if self.transport is not None:
            self.transport.abort()
