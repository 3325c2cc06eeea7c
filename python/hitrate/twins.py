"""The `a` twins of the native verbs: coroutine functions, which run in the event loop that awaits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hitrate._native import Client

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from types import EllipsisType

    Ttl = float | timedelta | EllipsisType | None


class Twins(Client):
    """
    The native client, and a coroutine function for each of its verbs.

    What the native ones (``_aget`` ...) return is to be awaited at once, in the loop in which they were called.
    """

    async def aget(self, key: str, default: Any = None, version: Any = None, *, shared: bool = False) -> Any:
        """Get a value, as `get` does. What the local cache has is answered without leaving the event loop."""
        return await self._aget(key, default, version, shared)

    async def aset(
        self, key: str, value: Any, ttl: Ttl = ..., version: Any = None, *, nx: bool = False, xx: bool = False
    ) -> bool:
        """Store a value, as `set` does."""
        return await self._aset(key, value, ttl, version, nx, xx)

    async def aadd(self, key: str, value: Any, ttl: Ttl = ..., version: Any = None) -> bool:
        """Store a value where none is, as `add` does."""
        return await self._aadd(key, value, ttl, version)

    async def adelete(self, key: str, version: Any = None) -> bool:
        """Delete a value, as `delete` does; cancelling the caller does not take it back."""
        return await self._adelete(key, version)

    async def ahas(self, key: str, version: Any = None) -> bool:
        """Tell whether there is a value, as `has` does."""
        return await self._ahas(key, version)

    async def atouch(self, key: str, ttl: Ttl = ..., version: Any = None) -> bool:
        """Give a value a new lifetime, as `touch` does."""
        return await self._atouch(key, ttl, version)

    async def aincr(self, key: str, delta: int | None = None, version: Any = None) -> int:
        """Add to a counter, as `incr` does."""
        return await self._aincr(key, delta, version)

    async def adecr(self, key: str, delta: int | None = None, version: Any = None) -> int:
        """Subtract from a counter, as `decr` does."""
        return await self._adecr(key, delta, version)

    async def aget_many(self, keys: Iterable[str], version: Any = None) -> dict[str, Any]:
        """Get several values, as `get_many` does."""
        return await self._aget_many(keys, version)

    async def aset_many(self, values: Mapping[str, Any], ttl: Ttl = ..., version: Any = None) -> list[str]:
        """Store several values, as `set_many` does."""
        return await self._aset_many(values, ttl, version)

    async def adelete_many(self, keys: Iterable[str], version: Any = None) -> int | None:
        """Delete several values, as `delete_many` does."""
        return await self._adelete_many(keys, version)

    async def attl(self, key: str, version: Any = None) -> int | None:
        """Tell how long a value still lives, as `ttl` does."""
        return await self._attl(key, version)

    async def apttl(self, key: str, version: Any = None) -> int | None:
        """Tell how long a value still lives, as `pttl` does."""
        return await self._apttl(key, version)

    async def apersist(self, key: str, version: Any = None) -> bool:
        """Let a value live for ever, as `persist` does."""
        return await self._apersist(key, version)

    async def adelete_pattern(self, pattern: str, version: Any = None, *, itersize: int = 1000) -> int | None:
        """Delete the keys of this cache that match, as `delete_pattern` does."""
        return await self._adelete_pattern(pattern, version, itersize=itersize)

    async def aexecute(self, *args: str | bytes | float) -> Any:
        """Run any command, as `execute` does."""
        return await self._aexecute(*args)
