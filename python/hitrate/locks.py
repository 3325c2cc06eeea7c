"""Locks that all processes share."""

from __future__ import annotations

import math
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hitrate import hooks
from hitrate.exceptions import (
    ConfigError,
    HitrateError,
    LockError,
    LockNotOwnedError,
    LockTimeoutError,
    ProtocolError,
    ServerConnectionError,
    ServerTimeoutError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from hitrate.twins import Twins

_TOKEN_BYTES = 20
# The server may have done what was asked.
_UNANSWERED = (ServerConnectionError, ServerTimeoutError, ProtocolError)


class Lock:
    """
    A lock on the server, held by at most one owner at a time, on any host.

    It is safe in this sense: only whoever took it can release or extend it, and it frees itself after `ttl`, so that a
    crashed owner locks nobody out. It is no guard against an owner that sleeps longer than `ttl`: keep `ttl` well above
    the work, or `extend` it. Locks of redis-py and django-redis at the same key and this one exclude each other.

    Made by `hitrate.Cache.lock`; use it in a ``with`` or ``async with`` block. One object is one owner: threads that
    shall exclude each other need one each.

    Reference: `SET NX PX` with a random token, https://redis.io/docs/latest/develop/use/patterns/distributed-locks/
    """

    __slots__ = ("_blocking_timeout", "_client", "_doubtful", "_key", "_sleep", "_token", "_ttl", "_version")

    def __init__(
        self,
        client: Twins,
        key: str,
        *,
        ttl: float | timedelta | None,
        blocking_timeout: float | timedelta | None,
        sleep: float | timedelta,
        version: Any,
    ) -> None:
        self._client = client
        self._key = key
        self._ttl = ttl
        self._blocking_timeout = _seconds("blocking_timeout", blocking_timeout)
        self._sleep = _seconds("sleep", sleep) or 0.0
        if not 0 < self._sleep < math.inf:
            raise ConfigError(f"'sleep' must be more than 0 seconds, not {self._sleep}: each try asks the server")
        self._version = version
        self._token: bytes | None = None
        # Sent to a server whose answer was not seen: it may hold the lock by this token, which nobody will ever use. No
        # token is sent twice, for what gives it back may come through late. While the answer may still come it is not
        # here, or another task or thread with this object would give back what is just being taken.
        self._doubtful: bytes | None = None

    def __repr__(self) -> str:
        return f"<hitrate.Lock '{self._key[:100]}', {'held' if self._token else 'not held'}>"

    def acquire(self, *, blocking: bool = True, blocking_timeout: float | timedelta | None = None) -> bool:
        """
        Take the lock.

        Args:
            blocking: whether to wait for it at all.
            blocking_timeout: seconds to wait for it; None: as given to ``lock()``, and for ever if that was None too.

        Returns:
            Whether it was taken in time.

        Raises:
            LockError: this object holds it already.
            ServerError: the server is away; a lock cannot do without it.
        """
        deadline = self._begin(blocking, blocking_timeout)
        while not self._take():
            pause = self._pause(deadline)
            if pause is None:
                return False
            self._client._sleep(pause)
        return True

    def _take(self) -> bool:
        doubtful, token = self._doubtful, _new_token()
        if doubtful is not None:
            self._client._lock_release(self._key, doubtful, self._version)
            self._gave_up(doubtful, given_back=True)
        try:
            return self._taken(token, self._client._lock_acquire(self._key, token, self._ttl, self._version))
        except BaseException as error:
            # What goes wrong here must not hide what went wrong before.
            with suppress(Exception):
                if self._is_doubtful(error, token):
                    self._gave_up(token, given_back=self._client._lock_abandon(self._key, token, self._version))
            raise

    async def aacquire(self, *, blocking: bool = True, blocking_timeout: float | timedelta | None = None) -> bool:
        """Take the lock, as `acquire` does."""
        deadline = self._begin(blocking, blocking_timeout)
        while not await self._atake():
            pause = self._pause(deadline)
            if pause is None:
                return False
            await _sleep(pause)
        return True

    async def _atake(self) -> bool:
        doubtful, token = self._doubtful, _new_token()
        if doubtful is not None:
            await self._client._alock_release(self._key, doubtful, self._version)
            self._gave_up(doubtful, given_back=True)
        try:
            return self._taken(token, await self._client._alock_acquire(self._key, token, self._ttl, self._version))
        except BaseException as error:
            with suppress(Exception):
                if self._is_doubtful(error, token):
                    self._abandon(token)
            raise

    def _is_doubtful(self, error: BaseException, token: bytes) -> bool:
        """Tell whether the lock may be taken although taking it ended with this: Ctrl-C, a time limit, a lost reply."""
        has_answered = isinstance(error, HitrateError) and not isinstance(error, _UNANSWERED)
        self._forget(token)
        if not has_answered:
            self._doubtful = token
        return not has_answered

    def _abandon(self, token: bytes) -> None:
        """Give the lock back without waiting for it: it is sent now, behind what took the lock."""
        import asyncio

        def end(giving_up: asyncio.Future[bool]) -> None:
            if not giving_up.cancelled() and giving_up.exception() is None:
                self._gave_up(token, given_back=giving_up.result())

        asyncio.ensure_future(self._client._alock_abandon(self._key, token, self._version)).add_done_callback(end)

    def _gave_up(self, token: bytes, *, given_back: bool) -> None:
        # Otherwise the request that takes it may still be on its way.
        if given_back and self._doubtful == token:
            self._doubtful = None

    def _taken(self, token: bytes, taken: bool) -> bool:
        if taken:
            self._token = token
        return taken

    def release(self) -> None:
        """
        Give the lock back.

        Raises:
            LockNotOwnedError: it expired, and may belong to somebody else.
            LockError: this object does not hold it.
        """
        token = self._held("released")
        self._released(token, self._client._lock_release(self._key, token, self._version))

    async def arelease(self) -> None:
        """Give the lock back, as `release` does."""
        token = self._held("released")
        self._released(token, await self._client._alock_release(self._key, token, self._version))

    def _released(self, token: bytes, released: bool) -> None:
        # Only now: a release whose answer was lost can be tried again.
        self._forget(token)
        if not released:
            raise self._lost("released")

    def extend(self, ttl: float | timedelta) -> None:
        """
        Let the lock live for `ttl` from now.

        Args:
            ttl: seconds, more than 0.

        Raises:
            LockNotOwnedError: it expired, and may belong to somebody else.
            LockError: this object does not hold it.
        """
        token = self._held("extended")
        self._extended(token, self._client._lock_extend(self._key, token, ttl, self._version))

    async def aextend(self, ttl: float | timedelta) -> None:
        """Let the lock live for `ttl` from now, as `extend` does."""
        token = self._held("extended")
        self._extended(token, await self._client._alock_extend(self._key, token, ttl, self._version))

    def _extended(self, token: bytes, extended: bool) -> None:
        if not extended:
            self._forget(token)
            raise self._lost("extended")

    def owned(self) -> bool:
        """Tell whether this object holds the lock now, by asking the server."""
        return self._token is not None and self._client.execute("GET", self._full_key) == self._token

    async def aowned(self) -> bool:
        """Tell whether this object holds the lock now, as `owned` does."""
        return self._token is not None and await self._client.aexecute("GET", self._full_key) == self._token

    def locked(self) -> bool:
        """Tell whether anybody holds the lock now."""
        return bool(self._client.execute("EXISTS", self._full_key))

    async def alocked(self) -> bool:
        """Tell whether anybody holds the lock now."""
        return bool(await self._client.aexecute("EXISTS", self._full_key))

    @property
    def _full_key(self) -> str:
        return self._client.make_key(self._key, self._version)

    def _begin(self, blocking: bool, blocking_timeout: float | timedelta | None) -> float | None:
        if self._token is not None:
            raise LockError(f"lock '{self._key[:100]}' is held by this object already; release() it first")
        wait = _seconds("blocking_timeout", blocking_timeout)
        if wait is None:
            wait = self._blocking_timeout
        if not blocking:
            wait = 0.0
        return None if wait is None else time.monotonic() + wait

    def _pause(self, deadline: float | None) -> float | None:
        if deadline is None:
            return self._sleep
        left = deadline - time.monotonic()
        return None if left <= 0 else min(left, self._sleep)

    def _held(self, verb: str) -> bytes:
        if self._token is None:
            raise LockNotOwnedError(f"lock '{self._key[:100]}' cannot be {verb}: this object does not hold it")
        return self._token

    def _forget(self, token: bytes) -> None:
        # Unless another task or thread with this object has taken the lock since.
        if self._token == token:
            self._token = None

    def _lost(self, verb: str) -> LockNotOwnedError:
        return LockNotOwnedError(
            f"lock '{self._key[:100]}' cannot be {verb}: it expired and may belong to somebody else"
        )

    def _timeout(self) -> LockTimeoutError:
        return LockTimeoutError(f"lock '{self._key[:100]}' was not free within {self._blocking_timeout} s")

    def __enter__(self) -> Self:
        if not self.acquire():
            raise self._timeout()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except HitrateError as failure:
            self._unreleased(error, failure)

    async def __aenter__(self) -> Self:
        if not await self.aacquire():
            raise self._timeout()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.arelease()
        except HitrateError as failure:
            self._unreleased(error, failure)

    def _unreleased(self, error: BaseException | None, failure: HitrateError) -> None:
        if error is None:
            raise failure
        # What went wrong under the lock is what the caller must know, and may try again.
        hooks.unreleased(self._key[:100], str(failure))


def _new_token() -> bytes:
    return secrets.token_hex(_TOKEN_BYTES).encode()


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise ConfigError(f"'{name}' must be a number of seconds, a timedelta or None, not {value!r:.100}")
    return float(value)


async def _sleep(seconds: float) -> None:
    # Programs without async calls never load asyncio.
    import asyncio

    await asyncio.sleep(seconds)
