"""Middleware for any ASGI application: Starlette, FastAPI, Litestar, Django, or none of them."""

from __future__ import annotations

from hitrate.asgi.address import path_key
from hitrate.asgi.limiting import RateLimitMiddleware
from hitrate.asgi.responses import ResponseCacheMiddleware
from hitrate.responses import response_stats

__all__ = ["RateLimitMiddleware", "ResponseCacheMiddleware", "path_key", "response_stats"]
