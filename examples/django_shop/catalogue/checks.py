"""A check of the cache backend, run by every management command."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from django.core.checks import CheckMessage, Error, register


@register()
def check_cache_backend(**_: Any) -> list[CheckMessage]:
    """Refuse a backend without ``delete_pattern``: cached listings would stay after a change."""
    cache = caches["default"]
    if hasattr(cache, "delete_pattern"):
        return []
    name = f"{type(cache).__module__}.{type(cache).__qualname__}"
    return [
        Error(
            f"cache backend {name!r} has no delete_pattern, so that listings would stay after a product has changed",
            hint="Use hitrate.django.RedisCache, or django_redis.cache.RedisCache to compare.",
            id="catalogue.E001",
        )
    ]
