"""A cached answer: its key and lifetime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hitrate.layouts.fastapi_dashboard import get_or_set_cached, get_ttl, make_cache_key


async def answer(kind: str, tenant: str, compute: Callable[[], Awaitable[Any]], **params: Any) -> Any:
    """
    Answer from the cache, or from the source.

    Args:
        kind: type of the entry, which has its lifetime in ``CACHE_TTL``.
        tenant: whose answer it is.
        compute: asks the source.
        params: what else tells answers apart.
    """
    return await get_or_set_cached(make_cache_key(kind, tenant, **params), compute, ttl=get_ttl(kind))
