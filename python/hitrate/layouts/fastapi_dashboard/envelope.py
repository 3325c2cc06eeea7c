"""The two forms in which the dashboard stores values: bare JSON, and ``{"data": value, "cached_at": time}``."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hitrate import values
from hitrate.layouts.fastapi_dashboard.entries import get_freshness


def is_envelope(stored: Any) -> bool:
    """Tell whether a stored value is an envelope: nothing else has its two names, and no others."""
    return type(stored) is dict and stored.keys() == {"data", "cached_at"}


def bare(value: Any) -> Any:
    """What is stored for a bare value: itself, unless it would be taken for an envelope; then it gets one."""
    return values.wrap(value) if is_envelope(value) else value


def is_fresh(cache_type: str, cached_at: Any) -> bool:
    """
    Tell whether an entry is younger than the threshold of its type.

    Args:
        cache_type: its type.
        cached_at: the time in its envelope, in UTC without an offset. What is no such time is not fresh.
    """
    try:
        at = datetime.fromisoformat(cached_at)
        age = values.now(timezone.utc).replace(tzinfo=None) - at
    except (TypeError, ValueError):
        return False
    return age < timedelta(seconds=get_freshness(cache_type))


def as_text(value: Any) -> Any:
    """Make text by ``str()`` of everything in a value that JSON cannot hold, as ``json.dumps(default=str)`` does."""
    return json.loads(json.dumps(value, default=str))
