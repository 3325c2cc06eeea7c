"""A cached answer: ask the cache, or compute and store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hitrate.layouts.fastapi_dashboard import get_cached, get_ttl, make_cache_key, set_cached


async def answer(kind: str, tenant: str, compute: Callable[[], Awaitable[Any]], **params: Any) -> Any:
    """
    Answer from the cache, or from the source.

    Args:
        kind: type of the entry, which has its lifetime in ``CACHE_TTL``.
        tenant: whose answer it is.
        compute: asks the source.
        params: what else tells answers apart.
    """
    key = make_cache_key(kind, tenant, **params)
    found = await get_cached(key)
    if found is None:
        found = await compute()
        await set_cached(key, found, ttl=get_ttl(kind))
    return found
