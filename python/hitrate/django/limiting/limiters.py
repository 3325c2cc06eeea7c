"""The limiters of a process: those of one cache that allow the same share what they know."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.utils.connection import ConnectionProxy

from hitrate.cache import Cache
from hitrate.django.naming import native
from hitrate.http.text import digest
from hitrate.limits import RateLimiter

# With the prefix of a cache, and what a limiter adds, keys stay below the 250 characters that Django warns of.
_LONGEST = 128


def subject_name(text: str) -> str:
    """Whom a limit is about, as a part of a key: the text, or its digest when it is long."""
    return text if len(text) <= _LONGEST else digest(text)


class Limiters:
    """
    Makes the limiter of each cache that it is asked for, once.

    Args:
        arguments: of `hitrate.RateLimiter`, after the cache.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._arguments, self._options = arguments, options
        # Clients change with the settings, and are not to be kept by us.
        self._made: WeakKeyDictionary[Cache, RateLimiter] = WeakKeyDictionary()

    def on(self, client: Cache) -> RateLimiter:
        """Find the limiter that counts on a cache."""
        found = self._made.get(client)
        if found is None:
            # Of two threads that come at once, one made its limiter in vain: what they count stands on the server.
            found = self._made.setdefault(client, RateLimiter(client, *self._arguments, **self._options))
        return found


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
