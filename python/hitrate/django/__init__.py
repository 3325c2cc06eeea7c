"""The Django adapter: a cache backend, and the raw connection behind it."""

from __future__ import annotations

from hitrate.django import checks, naming  # noqa: F401 (their import registers the system checks, the aliases)
from hitrate.django.backend import RedisCache
from hitrate.django.client import RawClient, get_redis_connection

__all__ = ["RawClient", "RedisCache", "get_redis_connection"]
