"""The client that counts."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.utils.connection import ConnectionProxy

from hitrate.cache import Cache
from hitrate.django.naming import native


def client_of(cache: Any) -> Cache:
    """
    Find the client that counts.

    Args:
        cache: an alias in ``settings.CACHES``, or a cache of Django's.

    Raises:
        ImproperlyConfigured: it is not ours.
    """
    if isinstance(cache, ConnectionProxy):
        cache = cache.__dict__["_alias"]
    backend = caches[cache] if isinstance(cache, str) else cache
    client = native(backend)
    if client is None:
        shown = f"CACHES[{cache!r}]" if isinstance(cache, str) else "the cache"
        raise ImproperlyConfigured(
            f"rate limits need hitrate's backend, and {shown} is {type(backend).__name__}; "
            "use BACKEND 'hitrate.django.RedisCache', or name another cache"
        )
    return client
