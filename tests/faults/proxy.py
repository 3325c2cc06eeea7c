"""
A TCP proxy that misbehaves on request, to stand between the client under test and a real server.

It runs an event loop in a thread of its own. What the client sends always reaches the server; a *fault* decides what
becomes of the bytes that the server sends back. The fault is looked up for every piece that arrives, so that assigning
`Proxy.fault` works on open connections too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import trustme

from hitrate.testing import free_port

HOST = "127.0.0.1"
PIECE_BYTES = 65536
FAREWELL = 2.0
LINGER_ZERO = struct.pack("ii", 1, 0)


class Cut(Exception):  # noqa: N818 (not an error: a fault's way to end its connection)
    """Raised by a fault to end its connection."""


class Link:
    """One proxied connection, as a fault sees it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server

    async def deliver(self, data: bytes) -> None:
        """Hand reply bytes to the client."""
        self.client.write(data)
        await self.client.drain()

    def close(self) -> None:
        """End it in good order: what was delivered arrives, then the end of the stream."""
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        """End it with RST; bytes on their way are lost."""
        for side in (self.client, self.server):
            plain = side.get_extra_info("socket")
            if plain is not None:  # TLS lets go of it when the other end has closed
                with contextlib.suppress(OSError):  # closed by the other end already
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            side.transport.abort()


Fault = Callable[[Link, bytes], Awaitable[None]]


async def healthy(link: Link, data: bytes) -> None:
    """Deliver everything: no fault."""
    await link.deliver(data)


async def swallow(link: Link, data: bytes) -> None:
    """Take the request, deliver nothing, and keep the connection open."""


async def reset(link: Link, data: bytes) -> None:
    """Answer with RST instead of the reply."""
    link.reset()
    raise Cut


async def close(link: Link, data: bytes) -> None:
    """Close the connection instead of replying."""
    raise Cut


def delay(seconds: float) -> Fault:
    """Deliver each piece late. A piece already waiting is delivered late even if the fault is changed meanwhile."""

    async def fault(link: Link, data: bytes) -> None:
        await asyncio.sleep(seconds)
        await link.deliver(data)

    return fault


def truncate(after_bytes: int) -> Fault:
    """Deliver that many more bytes on each connection, then close it."""
    left: weakref.WeakKeyDictionary[Link, int] = weakref.WeakKeyDictionary()

    async def fault(link: Link, data: bytes) -> None:
        rest = left.get(link, after_bytes)
        await link.deliver(data[:rest])
        left[link] = rest - len(data[:rest])
        if left[link] == 0:
            raise Cut

    return fault


def trickle(seconds: float) -> Fault:
    """Deliver one byte, wait, deliver the next."""

    async def fault(link: Link, data: bytes) -> None:
        for index in range(len(data)):
            await link.deliver(data[index : index + 1])
            await asyncio.sleep(seconds)

    return fault


def corrupt(mutate: Callable[[bytes], bytes]) -> Fault:
    """Deliver what `mutate` makes of each piece."""

    async def fault(link: Link, data: bytes) -> None:
        await link.deliver(mutate(data))

    return fault


class Proxy:
    """
    The proxy; `proxy_to` makes one.

    Attributes:
        fault: what becomes of replies; assign one of this module's functions.
        connections: how many were accepted so far.
        port: where it listens, on 127.0.0.1 unless told otherwise; `url` has it too.
    """

    def __init__(self, target: str, tls: ssl.SSLContext | None, place: tuple[str, int] | None = None) -> None:
        parts = urlsplit(target)
        self.lead_to(target)
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._listener: socket.socket | None = None
        self._served: dict[asyncio.Task[None], socket.socket] = {}
        self._links: set[Link] = set()
        self.fault: Fault = healthy
        self.connections = 0
        self._host, self.port = place or (HOST, free_port())
        credentials = parts.netloc.rpartition("@")[0]
        address = f"{credentials}@{HOST}:{self.port}" if credentials else f"{HOST}:{self.port}"
        self.url = f"{'rediss' if tls else 'redis'}://{address}{parts.path}"

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._links)

    def lead_to(self, target: str) -> None:
        """Connect to the server at this URL from now on; open connections stay with theirs."""
        parts = urlsplit(target)
        self._target = (parts.hostname or HOST, parts.port or 6379)

    def accept(self) -> None:
        """Listen; also again after `refuse`."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Stop listening, so that new connections are refused; open ones stay."""
        self._run(self._unlisten())

    def cut(self) -> None:
        """Reset every open connection now; new ones are served."""
        self._run(self._reset_all())

    def run(self) -> None:
        """Body of the proxy's thread."""
        self._loop.run_forever()
        self._loop.close()

    def end(self) -> None:
        """Refuse, reset and leave the thread."""
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, self.port))
        listener.listen()
        listener.setblocking(False)
        self._loop.add_reader(listener, self._take, listener)
        self._listener = listener

    async def _unlisten(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _take(self, listener: socket.socket) -> None:
        """Accept one connection; not in a task, where a cancellation could come between and leave it open."""
        try:
            accepted, _ = listener.accept()
        except OSError:  # gone again
            return
        accepted.setblocking(False)
        self.connections += 1
        served = self._loop.create_task(self._serve(accepted))
        self._served[served] = accepted
        served.add_done_callback(self._served.pop)

    async def _reset_all(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _finish(self) -> None:
        await self._unlisten()
        await self._reset_all()
        served = dict(self._served)
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        for _ in range(3):  # an aborted transport frees its socket in a later round of the loop
            await asyncio.sleep(0)
        for accepted in served.values():  # a task cancelled before its first step has no transport yet
            accepted.close()

    async def _serve(self, accepted: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            raw, _ = await self._loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._tls)
        except OSError:  # the client refused our certificate or spoke no TLS
            return
        assert isinstance(raw, asyncio.Transport)
        writer = asyncio.StreamWriter(raw, protocol, reader, self._loop)
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:  # the server is away
            raw.abort()
            return
        except asyncio.CancelledError:
            raw.abort()
            raise
        link = Link(writer, server_writer)
        self._links.add(link)
        upwards = self._loop.create_task(self._pump_up(link, reader))
        try:
            await self._pump_down(link, server_reader)
        finally:
            upwards.cancel()
            self._links.discard(link)
            link.close()
            # The end of TLS takes two; a peer that does not answer shall not keep the socket.
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), FAREWELL)
            raw.abort()
            server_writer.transport.abort()

    async def _pump_up(self, link: Link, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                link.server.write(data)
                await link.server.drain()
        # The client is gone: the server's end follows, which ends the other direction.
        link.server.close()

    async def _pump_down(self, link: Link, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, Cut):
            while data := await reader.read(PIECE_BYTES):
                await self.fault(link, data)


@contextmanager
def proxy_to(url: str, *, tls: ssl.SSLContext | None = None, place: tuple[str, int] | None = None) -> Iterator[Proxy]:
    """
    Run a proxy to the server at `url` while the ``with`` block lasts.

    Args:
        url: ``redis://[user:password@]host:port[/db]``; the proxy's own `url` keeps user, password and database.
        tls: speak TLS to the client with this context, and plain to the server.
        place: host and port to listen on; else 127.0.0.1 and a free one.
    """
    proxy = Proxy(url, tls, place)
    thread = threading.Thread(target=proxy.run, name="proxy", daemon=True)
    thread.start()
    proxy.accept()
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join(timeout=10)


def server_context(authority: trustme.CA, name: str, *, client_authority: trustme.CA | None = None) -> ssl.SSLContext:
    """Make a server's TLS context for `name`; with `client_authority` it demands a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if client_authority is not None:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
