"""The ERP "Nalar" (Masozee): its layout as data, and a function for every key."""

from __future__ import annotations

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
    "invalidation_pattern",
    "redis_key",
    "response_key",
    "session_key",
    "throttle_key",
]
