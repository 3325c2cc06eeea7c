"""The Django adapter: a cache backend, and the raw connection behind it."""

from __future__ import annotations

from hitrate.django import checks  # noqa: F401 (its import registers the system checks)
from hitrate.django.backend import RedisCache
from hitrate.django.client import RawClient, get_redis_connection

__all__ = ["RawClient", "RedisCache", "get_redis_connection"]
