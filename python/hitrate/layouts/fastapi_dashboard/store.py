"""Where the dashboard's values stand: read, fill and forget, over one cache. What nobody may know fails in silence."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar
from weakref import finalize

from hitrate.cache import Cache
from hitrate.exceptions import ConfigError, SerializationError, ServerError
from hitrate.invalidation import Forgetting, postpone
from hitrate.layouts.fastapi_dashboard.envelope import as_text
from hitrate.layouts.fastapi_dashboard.fills import Fills
from hitrate.layouts.fastapi_dashboard.keys import shown
from hitrate.layouts.fastapi_dashboard.patterns import Meant

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")

# They decide in which form values stand, which old workers read.
_OURS = frozenset("serializer json_ascii json_default json_envelope compressor signing_keys layout on_error".split())
# Keys that the server looks at in one go, about a millisecond: of a distant one, round trips are what a walk takes.
_PAGE = 5000
# What may wait to be forgotten before more of it is written down tenant by tenant.
_MAX_EXACT = 20

T = TypeVar("T")

_numbers = count(1)


class Store:
    """
    Values as JSON under the layout's keys.

    Args:
        url: of the server.
        fallback_bytes: bound of what this process keeps in its own memory while the server is away; 0: nothing.
        lease: seconds after which a computation is given up for dead.
        options: more of `hitrate.Cache`: ``timeout``, ``local``, ``prefix``, ...

    Attributes:
        cache: the cache. Its verbs raise while the server is away, and write down what is to be deleted all the same.

    Raises:
        ConfigError: the URL or an option is wrong, or one that would change the form of values.
    """

    def __init__(self, url: str, *, fallback_bytes: int, lease: float, **options: Any) -> None:
        if taken := _OURS & options.keys():
            raise ConfigError(f"{min(taken)!r} would change what the dashboard's old workers read; leave it out")
        # It raises, so that a miss is told from a server that is away: then nobody else is asked.
        self.cache = Cache(url, serializer="json", on_error="raise", **options)
        self._fills = Fills(self.cache, lease)
        self._fallback = _own_memory(self, fallback_bytes) if fallback_bytes else None
        # Whether the last question had no answer.
        self._is_away = False
        self._has_warned = False

    async def read(self, key: str) -> Any:
        """Read a value; None if there is none. What this task computes then and stores is refused if it is too old."""
        is_up = False
        try:
            value = await self.cache.aget(key)
        except ServerError:
            value = None
        else:
            is_up = (value is not None and not self._is_away) or self._is_up()
        if is_up and self._is_away:
            await self._return()
        self._is_away = not is_up
        if value is not None:
            return value
        if is_up:
            return await self._fills.ask(key)
        self._fills.refuse(key)
        return None if self._fallback is None else await self._fallback.aget(key)

    async def outdate(self, key: str) -> None:
        """Take a value that is too old to be served for none: delete it, so that whoever computes it anew can ask."""
        try:
            await self.cache.adelete(key)
        except ServerError:
            self._fills.refuse(key)
        else:
            await self._fills.ask(key)

    async def write(self, key: str, value: Any, ttl: float, *, lenient: bool = False) -> bool:
        """
        Store a value.

        Args:
            key: of it.
            value: to store.
            ttl: seconds.
            lenient: whether what JSON cannot hold becomes text.

        Returns:
            Whether it was stored.

        Raises:
            SerializationError: JSON cannot hold it.
        """
        try:
            return await self._write(key, value, ttl)
        except SerializationError:
            if not lenient:
                await self._fills.give_back(key)
                raise
        return await self._write(key, _all_text(value), ttl)

    async def _write(self, key: str, value: Any, ttl: float) -> bool:
        try:
            stored = await self._fills.store(key, value, ttl)
            if stored == "unknown":
                return await self._refuse(key)
            if stored == "unasked":
                stored = await self.cache.aset(key, value, ttl)
        except ServerError:
            self._is_away, stored = True, False
        if stored or self._fallback is None or not self._is_away:
            return stored
        return await self._fallback.aset(key, value, ttl)

    async def _refuse(self, key: str) -> bool:
        """Store nothing that may be too old. It may be new as well, so what stands there must not stay, either."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "nothing was stored for %s: it was asked for, but nobody knows whether before this was computed; call "
                "get_or_set_cached() within asyncio.gather() and wait_for()",
                shown(key),
            )
        await self._delete(key, is_leased=False)
        return False

    async def delete(self, key: str) -> bool:
        """Delete one value; tell whether there was one that anybody has seen."""
        # Here and below: what is to be forgotten is forgotten, also when who asked for it is cancelled.
        from hitrate.lease.tasks import to_its_end

        leased = self._fills.let_go(key.__eq__)
        return await to_its_end(self._delete(key, bool(leased)))

    async def _delete(self, key: str, is_leased: bool) -> bool:
        try:
            deleted = await self.cache.adelete(key) and not is_leased
        except ServerError:
            deleted = False
        if self._fallback is not None:
            deleted = await self._fallback.adelete(key) or deleted
        return deleted

    async def forget(self, meant: Meant) -> list[str]:
        """
        Delete what is meant, in one walk of the server over its keys.

        Returns:
            The keys of the entries; none if the server is away, and they were written down.
        """
        from hitrate.lease.tasks import to_its_end

        leased = self._fills.let_go(meant.includes)
        found = await to_its_end(self._forget(meant))
        return [key for key in found if key not in leased]

    async def _forget(self, meant: Meant) -> list[str]:
        found = await self._walk(meant)
        if (fallback := self._fallback) is not None:
            kept = [key async for key in fallback.aiter_keys(meant.near) if meant.includes(key)]
            await fallback.adelete_many(kept)
            found += kept
        return found

    async def _walk(self, meant: Meant) -> list[str]:
        # While something waits to be forgotten the server may be dead or slow: the next ones need not find out again.
        if self._is_up() and not self._has_journal():
            try:
                found = await self._within_deadline(self._find_and_delete(meant))
            except BaseException:
                # The event loop ends in the middle of it.
                self.postpone(meant)
                raise
            if found is not None:
                return found
        self.postpone(meant)
        return []

    async def _find_and_delete(self, meant: Meant) -> list[str]:
        found = [key async for key in self.cache.aiter_keys(meant.near, itersize=_PAGE) if meant.includes(key)]
        await self.cache.adelete_many(found)
        return found

    async def _within_deadline(self, doing: Coroutine[Any, Any, T]) -> T | None:
        """
        Wait for what needs many round trips as long as for one: of a slow server, each would be in time.

        Returns:
            What it returns; None if it is not done: it takes longer, or the server is away.
        """
        from asyncio import TimeoutError as AsyncTimeoutError
        from asyncio import wait_for

        try:
            return await wait_for(doing, self.cache._timeout)
        except (AsyncTimeoutError, ServerError):
            return None

    def postpone(self, meant: Meant) -> None:
        """Take what is meant for a miss from now on, and let it be forgotten in the background. Without I/O."""
        # More than some hundred would become "everything".
        is_full = self.cache.stats()["breaker"]["journal"] > _MAX_EXACT
        postpone(self.cache, [meant.near] if is_full else meant.globs)

    async def forget_glob(self, glob: str) -> int:
        """Delete what matches; return how many there were, 0 if that takes too long and it was written down."""
        from hitrate.lease.tasks import to_its_end

        leased = self._fills.let_go(Forgetting.of(patterns=[glob]).affects)
        return await to_its_end(self._forget_glob(glob, len(leased)))

    async def _forget_glob(self, glob: str, leased: int) -> int:
        deleted = None
        try:
            if not self._has_journal():
                deleted = await self._within_deadline(self.cache.ainvalidate(glob))
        finally:
            if deleted is None:
                postpone(self.cache, [glob])
        deleted = max(0, (deleted or 0) - leased)
        if self._fallback is not None:
            deleted += await self._fallback.ainvalidate(glob) or 0
        return deleted

    async def info(self) -> dict[str, Any] | None:
        """What the server says of itself, which is little if it may not be asked; None: it is away."""
        try:
            return await self.cache.aserver_info()
        except ServerError:
            return None

    async def ping(self) -> bool:
        """Ask whether the server is there."""
        try:
            await self.cache.aexecute("PING")
        except ServerError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections of the running event loop; the next call opens new ones."""
        await self.cache.aclose()

    def _is_up(self) -> bool:
        """Whether the server is there. What waits to be forgotten is a miss, and gets no lease, by itself."""
        return bool(self.cache.stats()["breaker"]["state"] == "closed")

    def _has_journal(self) -> bool:
        """Whether something waits to be forgotten: a thread is at it, and will not be held up by more."""
        return bool(self.cache.stats()["breaker"]["journal"])

    async def _return(self) -> None:
        """Use the server again. Others have changed meanwhile what the fallback holds."""
        if self._fallback is not None:
            await self._fallback.aclear()


def _own_memory(owner: Store, max_bytes: int) -> Cache:
    """A store in this process that nobody else has: its name is never used again, and it is emptied with its owner."""
    found = Cache(f"memory://fastapi-dashboard-fallback-{next(_numbers)}", max_bytes=max_bytes)
    # Named stores live as long as the process.
    finalize(owner, found.clear).atexit = False
    return found


def _all_text(value: Any) -> Any:
    try:
        return as_text(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise SerializationError(f"a {type(value).__name__} has no JSON: {error}") from error
