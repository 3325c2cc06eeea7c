"""
Keys and patterns exactly as the original spells them, those included that mean two things.

They are for tools that look at what it has stored. Code that caches uses `fastapi_dashboard.make_cache_key`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hitrate._native import PairsLayout, sha256_hex

__all__ = [
    "build_cache_key",
    "event_pattern",
    "invalidation_pattern",
    "make_cache_key",
    "router_key",
    "tenant_pattern",
]

PARAMS = PairsLayout(":", ":", shows="pairs", keep_none=True)


def make_cache_key(prefix: str, tenant_id: str, **params: Any) -> str:
    """
    The key of ``cache_service``.

    Args:
        prefix: type of the entry, for example ``"dashboard_kpis"``.
        tenant_id: of the tenant, as text.
        params: the parameters, as text by ``str()``, None included.

    Returns:
        ``{prefix}:{tenant}``, then ``:{name}:{value}`` for each parameter, by name.

    Raises:
        TypeError: the prefix or the tenant is no text.
    """
    # Concatenated, because that refuses what is no text.
    return PARAMS.key(prefix + ":" + tenant_id, params)


def build_cache_key(cache_type: object, tenant_id: object, *identifier: object) -> str:
    """The key of ``CacheManager``; endpoints give identifiers of several parts."""
    return ":".join([f"{part}" for part in (cache_type, tenant_id, *identifier)])


def router_key(tenant_id: object, query: str, agents: Iterable[str]) -> str:
    """The key of ``QueryRouter``: 64 hex digits, for the names of the agents in any order."""
    return sha256_hex(f"{tenant_id}:{query.lower().strip()}:{','.join(sorted(agents))}")


def tenant_pattern(tenant_id: object, prefix: str = "*") -> str:
    """The glob of a tenant's entries: not those whose key ends with the tenant, and others that hold its text."""
    return f"{prefix}:{tenant_id}:*"


def invalidation_pattern(cache_type: str, tenant_id: object, pattern: str = "*") -> str:
    """The glob of one type's entries of a tenant."""
    return f"{cache_type}:{tenant_id}:{pattern}"


def event_pattern(cache_type: str, tenant_id: object, entity_id: object) -> str:
    """The glob of one type's entries that hold the text of an entity."""
    return f"{cache_type}:{tenant_id}:*{entity_id}*"
