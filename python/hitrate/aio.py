"""
The async driver: moves bytes between asyncio and the native operations.

No thread and no runtime of our own: the event loop that runs the caller waits for the socket, whatever loop that is.
The operation, its deadline, the breaker and the meaning of every failure are those of blocking calls, in Rust.

`asyncio.wait_for` is not used: up to Python 3.11 it may swallow a cancellation that comes together with the result.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary, finalize, ref

from hitrate.exceptions import ConfigError, ServerError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Coroutine

    from hitrate._native import Channel, Owner, Pending


class _DeadlineError(Exception):
    """A deadline passed; says what was being waited for."""


class _RefusedError(Exception):
    """The greeting failed; the call has taken over why."""


class _Connection(asyncio.Protocol):
    """One connection, used by one call at a time."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.is_used = False
        self._reply: asyncio.Future[None] | None = None
        self._lost: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream has a `Transport`

    def data_received(self, data: bytes) -> None:
        if self._reply is None:
            # Nobody asked: whatever it is, it must not answer the next command.
            self.close()
        elif self.channel.feed(data) and not self._reply.done():
            self._reply.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or ConnectionResetError("the server closed it")
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(self._lost)

    @property
    def is_usable(self) -> bool:
        return self._lost is None and self.transport is not None and not self.transport.is_closing()

    @property
    def peer(self) -> tuple[Any, ...]:
        """Host and port at the other end; nothing of a unix socket."""
        address = None if self.transport is None else self.transport.get_extra_info("peername")
        return address[:2] if isinstance(address, tuple) else ()

    async def round_trip(self, pending: Pending, deadline: float) -> bool:
        """Run one round trip; true when the call needs no other."""
        if self._lost is not None or self.transport is None:
            raise self._lost or ConnectionResetError("the server closed it")
        self._reply = asyncio.get_running_loop().create_future()
        done = False
        try:
            self.transport.write(pending.request(self.channel))
            await _until(self._reply, deadline, "reply")
            done = True
        finally:
            self._reply = None
            if not done:
                self.close()
        finished = pending.replies(self.channel)
        if not self.channel.is_in_step:
            self.close()
        return finished

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Pool:
    """The connections of one client in one event loop."""

    def __init__(self, target: dict[str, Any]) -> None:
        self._target = target
        self._idle: list[_Connection] = []
        self._free = target["max_connections"]
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._tls: ssl.SSLContext | None = None
        self._end: AsyncGenerator[None, None] | None = None
        self.closing: finalize[..., Any] | None = None

    async def take(self, pending: Pending, deadline: float) -> _Connection:
        if self._end is None:
            self._end = self._until_loop_ends()
            await anext(self._end)
        waited = await self._take_slot(deadline)
        try:
            while self._idle:
                connection = self._idle.pop()
                if connection.is_usable:
                    connection.is_used = True
                    return connection
            # What is left may be too little for any server: it is not the greeting then that took the time.
            late = waited and deadline - time.monotonic() < pending.round_trip / 2
            try:
                return await self._connect(pending, deadline)
            except _DeadlineError:
                if late:
                    raise _DeadlineError("slot") from None
                raise
        except BaseException:
            self._free_slot()
            raise

    def give_back(self, connection: _Connection) -> None:
        now = time.monotonic()
        if connection.is_usable:
            connection.idle_since = now
            self._idle.append(connection)
        while self._idle and now - self._idle[0].idle_since > self._target["idle_timeout"]:
            self._idle.pop(0).close()
        self._free_slot()

    def close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _take_slot(self, deadline: float) -> bool:
        """Take one; returns whether it had to be waited for."""
        if self._free:
            self._free -= 1
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await _until(turn, deadline, "slot")
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                # Given after all, and not used: it is the next one's turn.
                self._free_slot()
            raise
        return True

    def _free_slot(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        """Close the idle connections when the event loop ends its asynchronous generators, before it is closed."""
        try:
            yield
        finally:
            self.close_idle()
            self._end = None
            if self.closing is not None:
                self.closing.detach()
            # What `abort` has begun is done in the next turn of the loop.
            await asyncio.sleep(0)

    async def _connect(self, pending: Pending, deadline: float) -> _Connection:
        connection = _Connection(pending.channel())
        try:
            await self._open(connection, deadline)
            pending.reached(*connection.peer)
            greeting = pending.greeting()
            while not await connection.round_trip(greeting, deadline):
                pass
            if pending.adopt(greeting):
                raise _RefusedError
        except BaseException:
            connection.close()
            raise
        return connection

    async def _open(self, connection: _Connection, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        if "path" in self._target:
            await _within(loop.create_unix_connection(lambda: connection, self._target["path"]), deadline)
        else:
            host, tls = self._target["host"], self._target.get("tls")
            name = None if tls is None else tls["server_name"] or host
            context = None if tls is None else self._context(tls)
            opening = loop.create_connection(
                lambda: connection, host, self._target["port"], ssl=context, server_hostname=name
            )
            await _within(opening, deadline)

    def _context(self, tls: dict[str, Any]) -> ssl.SSLContext:
        if self._tls is None:
            import ssl

            try:
                context = ssl.create_default_context(cafile=tls["ca_file"])
                if tls["cert_file"]:
                    context.load_cert_chain(tls["cert_file"], tls["key_file"])
            except OSError as error:
                raise ConfigError(f"the TLS files cannot be used: {error}") from error
            if not tls["verify"]:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._tls = context
        return self._tls


async def _until(future: asyncio.Future[None], deadline: float, stage: str) -> None:
    """Wait for a future that somebody else completes."""

    def expire() -> None:
        if not future.done():
            future.set_exception(_DeadlineError(stage))

    timer = asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()), expire)
    try:
        await future
    finally:
        timer.cancel()


async def _within(opening: Coroutine[Any, Any, Any], deadline: float) -> None:
    """Wait for a connection to open."""
    task = asyncio.ensure_future(opening)
    try:
        await asyncio.wait({task}, timeout=max(0.0, deadline - time.monotonic()))
    finally:
        # Cancelling closes what was half open; of what is done nothing is left to cancel.
        task.cancel()
    if not task.done():
        raise _DeadlineError("connect")
    await task


_Pools: TypeAlias = "WeakKeyDictionary[Owner, _Pool]"

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, _Pools]] = WeakKeyDictionary()
"""Per event loop, and of this process: a forked child must not use the sockets it inherited."""

_unfinished: set[asyncio.Future[Any]] = set()
"""Deletions under way; the event loop alone would let go of them."""


def _pools_of_loop() -> _Pools:
    loop, process = asyncio.get_running_loop(), os.getpid()
    owner, pools = _pools.get(loop, (0, None))
    if pools is None or owner != process:
        pools = WeakKeyDictionary()
        _pools[loop] = (process, pools)
    return pools


def _pool_of(pending: Pending) -> _Pool:
    pools, owner = _pools_of_loop(), pending.owner
    pool = pools.get(owner)
    if pool is None:
        pool = pools[owner] = _Pool(pending.target)
        # The event loop holds on to open connections; with the client gone nobody else would ever close them.
        pool.closing = finalize(owner, _close_in, ref(asyncio.get_running_loop()), pool)
        pool.closing.atexit = False
    return pool


def _close_in(loop_of: ref[asyncio.AbstractEventLoop], pool: _Pool) -> None:
    loop = loop_of()
    if loop is not None and not loop.is_closed():
        # The last reference may go in any thread.
        loop.call_soon_threadsafe(pool.close_idle)


def close_idle(owner: Owner) -> None:
    """
    Close the idle connections of a client in the running event loop.

    Args:
        owner: of the client.
    """
    pool = _pools_of_loop().get(owner)
    if pool is not None:
        pool.close_idle()


async def drive(pending: Pending) -> Any:
    """
    Run a call to its result.

    Args:
        pending: what a native ``a`` verb was called with.

    Returns:
        What the verb returns.
    """
    if not pending.admit():
        return pending.finish()
    if pending.is_embedded:
        try:
            while not pending.step():  # noqa: ASYNC110 (nothing is waited for)
                # Long work is done in steps, and everybody else has a turn in between.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if pending.must_finish:
                # The rest is done here and now: no other turn may come.
                while not pending.step():
                    pass
                pending.finish()
            raise
        return pending.finish()
    if not pending.must_finish:
        return await _settle(pending)
    # A caller who is cancelled (his client hung up, say) does not take back that something must be forgotten.
    settling = asyncio.ensure_future(_settle(pending))
    _unfinished.add(settling)
    settling.add_done_callback(_unfinished.discard)
    return await asyncio.shield(settling)


async def _settle(pending: Pending) -> Any:
    try:
        await _run(pending)
    except asyncio.CancelledError:
        if pending.must_finish:
            # Its event loop ends: what may not have reached the server is written down.
            pending.fail(None, "the event loop ended")
            with suppress(ServerError):
                pending.finish()
        raise
    except _DeadlineError as passed:
        pending.fail(str(passed), "")
    except _RefusedError:
        # The call knows why.
        return pending.finish()
    except (OSError, UnicodeError) as error:
        # `ssl.SSLError` is an OSError, a host name that is none a UnicodeError. Neither text holds a password.
        pending.fail(None, str(error) or type(error).__name__)
    return pending.finish()


async def _run(pending: Pending) -> None:
    pool = _pool_of(pending)
    whole = time.monotonic() + pending.whole
    retried = False
    while True:
        deadline = min(whole, time.monotonic() + pending.round_trip)
        connection = await pool.take(pending, deadline)
        try:
            if await connection.round_trip(pending, deadline):
                if pending.met_replica:
                    pool.close_idle()
                    connection.close()
                return
        except OSError:
            # Whatever closed this pooled connection closed the others too; a fresh one deserves a try.
            pool.close_idle()
            if retried or not (connection.is_used and pending.is_repeatable):
                raise
            retried = True
        finally:
            pool.give_back(connection)
