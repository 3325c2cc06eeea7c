"""The ERP "Nalar" (Masozee): its layout as data, a function for every key, and what its code imported."""

from __future__ import annotations

from hitrate.layouts.nalar.caching import cache_api_response, get_cache_stats, invalidate_cache
from hitrate.layouts.nalar.keys import (
    DEFAULT_TTL,
    ENTRIES,
    HEALTH_CHECK,
    POSITION_CHANGED,
    PREFIX,
    invalidation_pattern,
    redis_key,
    response_key,
    session_key,
    throttle_key,
)

__all__ = [
    "DEFAULT_TTL",
    "ENTRIES",
    "HEALTH_CHECK",
    "POSITION_CHANGED",
    "PREFIX",
    "cache_api_response",
    "get_cache_stats",
    "invalidate_cache",
    "invalidation_pattern",
    "redis_key",
    "response_key",
    "session_key",
    "throttle_key",
]
