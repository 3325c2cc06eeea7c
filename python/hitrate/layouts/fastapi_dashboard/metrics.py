"""What the dashboard counts, and the shapes in which it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_MIB = 1 << 20


@dataclass
class Counters:
    """What one manager did in this process."""

    hits: int = 0
    misses: int = 0
    sets: int = 0
    invalidations: int = 0

    def shown(self, info: Mapping[str, Any] | None, max_memory_mb: float) -> dict[str, Any]:
        """
        Tell what was done.

        Args:
            info: fields of the server's ``INFO``; None while it cannot be asked.
            max_memory_mb: what the memory in use is compared with.

        Returns:
            The map of ``CacheManager.get_metrics()``.
        """
        evicted = int((info or {}).get("evicted_keys", 0))
        return {
            **asdict(self),
            "evictions": evicted,
            "total_requests": self.hits + self.misses,
            "hit_rate_percent": rate(self.hits, self.misses, 2),
            **({} if info is None else _of_server(info, evicted, max_memory_mb)),
        }

    def summary(self) -> dict[str, Any]:
        """Tell what was done, in the shape of ``GET /metrics/summary``."""
        return {"hits": self.hits, "misses": self.misses, "hit_rate_pct": rate(self.hits, self.misses, 1)}


def rate(hits: int, misses: int, digits: int) -> float:
    """Hits of a hundred requests, rounded; the integer 0 when there was no request."""
    total = hits + misses
    return round(hits / total * 100, digits) if total else 0


def _of_server(info: Mapping[str, Any], evicted: int, max_memory_mb: float) -> dict[str, Any]:
    if "used_memory" not in info:
        return {"missing": ["INFO"]}
    used = round(int(info["used_memory"]) / _MIB, 2)
    return {
        "redis_keyspace_hits": info.get("keyspace_hits", 0),
        "redis_keyspace_misses": info.get("keyspace_misses", 0),
        "redis_evicted_keys": evicted,
        "used_memory_mb": used,
        "max_memory_mb": max_memory_mb,
        "memory_usage_percent": round(used / max_memory_mb * 100, 2) if max_memory_mb > 0 else 0,
    }
