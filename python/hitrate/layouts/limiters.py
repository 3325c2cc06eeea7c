"""The limiters of the layouts: one of each kind for a cache, made when it is first asked for."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from hitrate.cache import Cache
from hitrate.limits import Limit, RateLimiter

_limiters: WeakKeyDictionary[Cache, dict[tuple[Any, ...], RateLimiter]] = WeakKeyDictionary()


def limiter(cache: Cache, count: int, window: float, algorithm: Any, **options: Any) -> RateLimiter:
    """
    Find the limiter that counts on a cache.

    Args:
        cache: whose server counts.
        count: calls that it allows in a window.
        window: seconds.
        algorithm: of `hitrate.RateLimiter`.
        options: of it.
    """
    of_cache = _limiters.setdefault(cache, {})
    kind = (count, window, algorithm, *options.items())
    found = of_cache.get(kind)
    if found is None:
        found = of_cache[kind] = RateLimiter(cache, Limit(count, window), algorithm, **options)
    return found
