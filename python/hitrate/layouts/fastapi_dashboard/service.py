"""
What the dashboard's endpoints imported from its ``cache_service``: the names and results of the original.

Nothing here raises because of a server. Without a manager nothing is found or stored.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from hitrate.layouts.fastapi_dashboard.entries import DEFAULT_TTL
from hitrate.layouts.fastapi_dashboard.keys import shown
from hitrate.layouts.fastapi_dashboard.manager import CacheManager

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")

T = TypeVar("T")

_manager: list[CacheManager] = []


def set_cache_manager(manager: CacheManager | None) -> None:
    """Choose the manager that the functions below use; None: none, so that they find and store nothing."""
    _manager[:] = [] if manager is None else [manager]


def get_cache_manager() -> CacheManager | None:
    """Return the manager that the functions below use."""
    return _manager[0] if _manager else None


async def get_cached(key: str) -> Any:
    """
    Read a value, in either form.

    Args:
        key: of `make_cache_key`.

    Returns:
        The value; None if there is none, or the server is away. What this task computes then is stored by `set_cached`
        unless it was forgotten meanwhile.
    """
    manager = _usable(key)
    if manager is None:
        return None
    value = await manager.get_bare(key)
    if value is None:
        logger.info("❌ Cache MISS: %s", shown(key))
    else:
        logger.info("✅ Cache HIT: %s", shown(key))
    return value


async def set_cached(key: str, data: Any, ttl: float = DEFAULT_TTL) -> bool:
    """
    Store a value as JSON.

    Args:
        key: of `make_cache_key`.
        data: the value; JSON must be able to hold it.
        ttl: seconds, more than 0.

    Returns:
        Whether it was stored: not if JSON cannot hold it, if the server is away, if it was forgotten after this task's
        `get_cached` found none, or if another task is about to store it. Nor if this process asked for it lately, but
        neither this task nor one that began it: then nobody knows how old this is, and what stands there is forgotten.
        A task that found no value for more than 256 keys stores from then on only those it asked for last.
    """
    manager = _usable(key)
    stored = manager is not None and await manager.set_bare(key, data, ttl)
    if stored:
        logger.info("💾 Cache SET: %s (TTL: %ss)", shown(key), ttl)
    return stored


async def get_or_set_cached(key: str, compute: Callable[[], Awaitable[T]], ttl: float = DEFAULT_TTL) -> T:
    """
    Read a value, or compute and store it: `get_cached` and `set_cached` in one, which may stand in `asyncio.gather`.

    Args:
        key: of `make_cache_key`.
        compute: a coroutine function that reads the source. It is called only if there is no value.
        ttl: seconds, more than 0.

    Returns:
        The stored value, or what was computed, whether that could be stored or not.
    """
    found = await get_cached(key)
    if found is None:
        found = await compute()
        await set_cached(key, found, ttl)
    return cast("T", found)


async def invalidate_cache(key: str) -> bool:
    """Delete one value; return whether there is a cache, and not whether there was a value."""
    manager = _usable(key)
    if manager is None:
        return False
    await manager.delete(key=key)
    logger.info("🗑️  Cache INVALIDATED: %s", shown(key))
    return True


async def invalidate_tenant_cache(tenant_id: str, prefix: str | None = None) -> int:
    """
    Delete a tenant's entries.

    Args:
        tenant_id: of the tenant: matched as it stands, whatever characters it has.
        prefix: only these types: ``"dashboard"`` is ``dashboard_kpis`` and everything else that begins so.

    Returns:
        How many there were; 0 if the server is away: it is written down then.
    """
    manager = get_cache_manager()
    if manager is None:
        return 0
    deleted = await manager.clear_types(tenant_id, prefix)
    pattern = f"{prefix or '*'}:{tenant_id}"
    logger.info(
        "🗑️  Cache INVALIDATED: %d keys for tenant %s (pattern: %s)", deleted, shown(str(tenant_id)), shown(pattern)
    )
    return deleted


def _usable(key: str) -> CacheManager | None:
    manager = get_cache_manager()
    if manager is None:
        logger.warning("Cache manager not available for key: %s", shown(key))
    elif not manager.is_connected:
        logger.warning("Redis not connected for key: %s", shown(key))
        return None
    return manager
