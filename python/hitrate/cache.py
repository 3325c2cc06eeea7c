"""The cache object users hold: the native client, and the verbs made of several of its own."""

from __future__ import annotations

import inspect
import weakref
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting, aforget, forget
from hitrate.locks import Lock
from hitrate.server_info import aask, ask
from hitrate.twins import Twins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from types import EllipsisType

    Seconds = float | timedelta
    """A duration: seconds, or a timedelta."""

__all__ = ["Cache", "Lock"]

_MISSING: Any = object()
# By address. Not a WeakSet, which another thread's new cache would disturb while it is walked over.
_live: dict[int, weakref.ref[Cache]] = {}


def live_caches() -> list[Cache]:
    """Return the caches of this process, in the order in which they were made."""
    return [cache for cache in (reference() for reference in list(_live.values())) if cache is not None]


class Cache(Twins):
    """
    A cache on Redis or Valkey.

    Everything a cache does most is one round trip, in Rust; see `hitrate._native.Client` for the arguments of the
    constructor and the single verbs. Each verb has an async twin with an ``a`` in front.

    A cache may be shared by threads, event loops and forked processes. It opens nothing before its first use.
    """

    if not TYPE_CHECKING:  # for which the arguments are those of the native class

        def __init__(self, *_args: Any, **_options: Any) -> None:
            address = id(self)
            _live[address] = weakref.ref(self, lambda _: _live.pop(address, None))

    def get_or_set(
        self, key: str, default: Any | Callable[[], Any], ttl: Seconds | EllipsisType | None = ..., version: Any = None
    ) -> Any:
        """
        Get a value, or compute and store it.

        Args:
            key: of the value.
            default: the value to store, or a function that computes it; called only on a miss.
            ttl: lifetime in seconds; None: for ever; not given: the cache's own.
            version: key version, where keys have one.

        Returns:
            The stored value; if somebody else stored one in the meantime, his.
        """
        value = self.get(key, _MISSING, version)
        if value is not _MISSING:
            return value
        value = default() if callable(default) else default
        found = self._add_or_get(key, value, ttl, version)
        if found is not None:
            return found[0]
        # What is stored there cannot be decoded.
        self.set(key, value, ttl, version)
        return value

    async def aget_or_set(
        self, key: str, default: Any | Callable[[], Any], ttl: Seconds | EllipsisType | None = ..., version: Any = None
    ) -> Any:
        """Get a value, or compute and store it, as `get_or_set` does; `default` may be a coroutine function too."""
        value = await self.aget(key, _MISSING, version)
        if value is not _MISSING:
            return value
        value = default() if callable(default) else default
        if inspect.isawaitable(value):
            value = await value
        found = await self._aadd_or_get(key, value, ttl, version)
        if found is not None:
            return found[0]
        await self.aset(key, value, ttl, version)
        return value

    def expire(self, key: str, ttl: Seconds, version: Any = None) -> bool:
        """
        Give a key a new lifetime.

        Args:
            key: of the value.
            ttl: seconds from now; 0 or negative deletes.
            version: key version, where keys have one.

        Returns:
            Whether the key was there.
        """
        return self.touch(key, ttl, version)

    async def aexpire(self, key: str, ttl: Seconds, version: Any = None) -> bool:
        """Give a key a new lifetime, as `expire` does."""
        return await self.atouch(key, ttl, version)

    def expire_at(self, key: str, when: datetime | float, version: Any = None) -> bool:
        """
        Let a key expire at a point in time, by the server's clock.

        Args:
            key: of the value.
            when: a datetime (a naive one is local time), or seconds since 1970-01-01 UTC.
            version: key version, where keys have one.

        Returns:
            Whether the key was there.
        """
        return self._expire_at(key, _epoch_ms(when), version)

    async def aexpire_at(self, key: str, when: datetime | float, version: Any = None) -> bool:
        """Let a key expire at a point in time, as `expire_at` does."""
        return await self._aexpire_at(key, _epoch_ms(when), version)

    def iter_keys(self, pattern: str = "*", version: Any = None, *, itersize: int = 1000) -> Iterator[str]:
        """
        Walk over the keys of this cache, by ``SCAN``: the server is never held up.

        Args:
            pattern: a glob (``* ? [abc] \\``) for the keys without what this cache puts in front.
            version: key version, where keys have one.
            itersize: keys the server looks at per round trip.

        Returns:
            Keys, each once, without what this cache puts in front. Keys added or deleted during the walk may be missed.

        Raises:
            ServerError: the server is away: a list with keys missing would be a lie.
        """
        seen: set[str] = set()
        place = (0, 0, 0)
        while True:
            place, keys = self._scan(place, pattern, itersize, version)
            for key in keys:
                if key not in seen:
                    seen.add(key)
                    yield key
            if place[0] == 0:
                return

    async def aiter_keys(self, pattern: str = "*", version: Any = None, *, itersize: int = 1000) -> AsyncIterator[str]:
        """Walk over the keys of this cache, as `iter_keys` does."""
        seen: set[str] = set()
        place = (0, 0, 0)
        while True:
            place, keys = await self._ascan(place, pattern, itersize, version)
            for key in keys:
                if key not in seen:
                    seen.add(key)
                    yield key
            if place[0] == 0:
                return

    def keys(self, pattern: str = "*", version: Any = None) -> list[str]:
        """List the keys of this cache, as `iter_keys` finds them."""
        return list(self.iter_keys(pattern, version))

    async def akeys(self, pattern: str = "*", version: Any = None) -> list[str]:
        """List the keys of this cache, as `iter_keys` finds them."""
        return [key async for key in self.aiter_keys(pattern, version)]

    def clear(self, *, flush: bool = False) -> int | None:
        """
        Delete everything of this cache: every key with its prefix, which a version follows if the layout has versions.

        Args:
            flush: empty the whole database instead, whoever wrote there (``FLUSHDB ASYNC``): faster.

        Returns:
            How many keys were deleted; None after a flush, and when the server is away and this was written down.
        """
        if flush:
            self.execute("FLUSHDB", "ASYNC")
            return None
        return self._delete_all()

    async def aclear(self, *, flush: bool = False) -> int | None:
        """Delete everything of this cache, as `clear` does."""
        if flush:
            await self.aexecute("FLUSHDB", "ASYNC")
            return None
        return await self._adelete_all()

    def invalidate(
        self,
        pattern: str | Iterable[str] = (),
        *,
        keys: Iterable[str] = (),
        tags: Iterable[str] = (),
        version: Any = None,
    ) -> int | None:
        """
        Forget what is no longer right: values under keys, and the entries below them; entries that have a tag.

        A tag costs one write, however many entries have it. Keys and patterns cost a walk over all keys of the server
        (``SCAN``, which holds nobody up), because entries stand below their key, at ``{key}:{parts}:h1``.

        Args:
            pattern: a glob (``* ? [abc] \\``) for keys without what this cache puts in front, or several. Text of
                users must be escaped, by `hitrate.escape_glob`.
            keys: to be deleted, with what is below them.
            tags: names; every entry that has one of them is a miss from now on.
            version: key version, where keys have one.

        Returns:
            How many keys were deleted, plus the number of tags; None when the server is away and this was written down.

        Raises:
            ServerError: with ``on_error="raise"``, when the server is away. What could be forgotten was.
        """
        return forget(self, _forgetting(pattern, keys, tags), version)

    async def ainvalidate(
        self,
        pattern: str | Iterable[str] = (),
        *,
        keys: Iterable[str] = (),
        tags: Iterable[str] = (),
        version: Any = None,
    ) -> int | None:
        """Forget what is no longer right, as `invalidate` does."""
        return await aforget(self, _forgetting(pattern, keys, tags), version)

    def lock(
        self,
        key: str,
        ttl: Seconds | None = 30.0,
        *,
        blocking_timeout: Seconds | None = None,
        sleep: Seconds = 0.1,
        version: Any = None,
    ) -> Lock:
        """
        Make a lock that all processes share; it is taken by ``with``, ``async with`` or ``acquire()``.

        Args:
            key: of the lock, beside the values of this cache.
            ttl: seconds after which it frees itself, so that a crashed owner locks nobody out; None: never.
            blocking_timeout: seconds to wait for it; None: for ever.
            sleep: seconds between two tries.
            version: key version, where keys have one.

        Raises:
            ConfigError: `ttl` is not positive.
        """
        return Lock(self, key, ttl=ttl, blocking_timeout=blocking_timeout, sleep=sleep, version=version)

    def server_info(self) -> dict[str, Any]:
        """
        Ask the server about itself.

        Returns:
            The fields of ``INFO``, numbers as numbers, plus ``total_keys`` (``DBSIZE``) and ``hit_rate`` (0 to 1, of
            the whole server). ``missing`` lists what this user may not ask; its fields are then absent.

        Raises:
            ServerError: the server is away.
        """
        return ask(self)

    async def aserver_info(self) -> dict[str, Any]:
        """Ask the server about itself, as `server_info` does."""
        return await aask(self)

    async def astats(self) -> dict[str, Any]:
        """Tell what this cache did in this process, as `stats` does."""
        return self.stats()

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop too; the next call opens new ones."""
        # Imported by the first async call at the latest; programs without one never load asyncio.
        from hitrate.aio import close_idle

        self.close()
        close_idle(self._owner)


def _forgetting(pattern: str | Iterable[str], keys: Iterable[str], tags: Iterable[str]) -> Forgetting:
    patterns = (pattern,) if isinstance(pattern, str) else pattern
    return Forgetting.of(patterns=patterns, keys=_names(keys, "keys"), tags=_names(tags, "tags"))


def _names(given: Iterable[str], what: str) -> Iterable[str]:
    if isinstance(given, str):
        # It would be forgotten letter by letter.
        raise ConfigError(f"{what} is the text '{given[:100]}'; give a list of them")
    return given


def _epoch_ms(when: datetime | float) -> int:
    if isinstance(when, datetime):
        when = when.astimezone(timezone.utc).timestamp()
    return int(when * 1000)
