"""What the server of a cache says of itself, in the shape that dashboards already read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.cache import caches

from hitrate.django.naming import native
from hitrate.exceptions import ServerError

# Name in the answer → name in INFO.
_FIELDS = {
    "redis_version": "redis_version",
    "connected_clients": "connected_clients",
    "used_memory": "used_memory_human",
    "total_keys": "total_keys",
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
}


def get_cache_stats(cache: str = "default") -> dict[str, Any]:
    """
    Tell what the server says of itself; hits and misses are the server's, of all its clients and databases.

    Args:
        cache: alias of the cache.

    Returns:
        ``redis_version``, ``connected_clients``, ``used_memory`` (``"1.5M"``), ``total_keys`` (of the database),
        ``hits``, ``misses`` and ``hit_rate`` (``"86.68%"``). What cannot be told, because the server is away, forbids
        it or is none, is None, hits and misses 0, and ``missing`` lists the names; else there is no ``missing``.
    """
    client = native(caches[cache])
    info: dict[str, Any] = {}
    if client is not None:
        with suppress(ServerError):
            info = client.server_info()
    found = {name: info.get(field) for name, field in _FIELDS.items()}
    missing = [name for name, value in found.items() if value is None]
    hits, misses = found["hits"] or 0, found["misses"] or 0
    answer = {**found, "hits": hits, "misses": misses, "hit_rate": hit_rate(hits, misses)}
    return {**answer, "missing": missing} if missing else answer


def hit_rate(hits: int, misses: int) -> str:
    """Return the share of hits as dashboards read it: ``"86.68%"``."""
    return f"{hits / max(hits + misses, 1) * 100:.2f}%"
