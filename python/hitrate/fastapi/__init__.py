"""Cached path operations, rate limits and the cache's life, for FastAPI. For middleware see `hitrate.asgi`."""

from __future__ import annotations

try:
    import fastapi  # noqa: F401 (asked for here, to say what to install)
except ImportError as missing:
    raise ImportError("hitrate.fastapi needs FastAPI; install it: pip install 'hitrate[fastapi]'") from missing

from hitrate.fastapi.decorator import cached_response
from hitrate.fastapi.lifespan import get_cache, lifespan
from hitrate.fastapi.limiting import rate_limit
from hitrate.responses import response_stats

__all__ = ["cached_response", "get_cache", "lifespan", "rate_limit", "response_stats"]
