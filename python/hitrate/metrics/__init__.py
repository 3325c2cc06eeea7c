"""What `Cache.stats()` counts, for Prometheus. Needs the extra ``metrics``; importing this alone needs nothing."""

from __future__ import annotations

from hitrate.metrics.collect import collector, publish

__all__ = ["collector", "publish"]
