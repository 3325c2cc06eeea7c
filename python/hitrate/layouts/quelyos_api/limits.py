"""What the module's limiter and view counter decided, decided by `hitrate.RateLimiter`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from hitrate.cache import Cache
from hitrate.gates import limiters_of
from hitrate.http import refusal_bodies
from hitrate.layouts.quelyos_api.keys import view_count_key_of


class RateLimit(NamedTuple):
    """So many requests in so many seconds."""

    max_requests: int
    window_seconds: int


RATE_LIMITS: Mapping[str, RateLimit] = {
    "DEFAULT": RateLimit(100, 60),
    "LOGIN": RateLimit(5, 60),
    "LOGIN_FAILED": RateLimit(3, 300),
    "PASSWORD_RESET": RateLimit(3, 3600),
    "REGISTER": RateLimit(3, 60),
    "PRODUCTS_LIST": RateLimit(60, 60),
    "PRODUCTS_SEARCH": RateLimit(30, 60),
    "PRODUCT_DETAIL": RateLimit(120, 60),
    "BACKOFFICE": RateLimit(200, 60),
    "CHECKOUT": RateLimit(20, 60),
    "PAYMENT": RateLimit(10, 60),
    "EXPORT": RateLimit(5, 300),
}

# Seconds for which a view of a product is counted once.
VIEW_WINDOW = 60


def view_count_allowed(cache: Cache, address: str | None, product_id: object) -> bool:
    """
    Tell whether a view of a product is to be counted: once a minute for each address.

    Key, type and lifetime on the server are the original's, so that old workers count the same views. A view that is
    not counted puts the next one off no further.

    Args:
        cache: without a prefix, on the original's server and database.
        address: of who looks, as a trusted proxy tells it.
        product_id: what is looked at.
    """
    once = limiters_of((1, VIEW_WINDOW), "once", verbatim=True).on(cache)
    return once.hit(view_count_key_of(address, product_id)).allowed


def is_allowed(
    cache: Cache, key: str, max_requests: int, window_seconds: int, *, count_refused: bool = True
) -> tuple[bool, int, int]:
    """
    Count a request against a limit, as ``RedisRateLimiter.is_allowed`` did.

    What is counted stands beside the original's sorted sets, of which old workers keep their own: a key of another type
    would break them.

    Args:
        cache: whose server counts.
        key: what `rate_limit_key` makes.
        max_requests: how many are allowed.
        window_seconds: in how long a time.
        count_refused: whether refused requests count too, so that who keeps trying stays refused; the original on Redis
            did so, its fallback in memory did not.

    Returns:
        Whether it is allowed, how many are left, and when the window of this request ends, in seconds since 1970.
    """
    log = limiters_of((max_requests, window_seconds), "sliding_log", count_refused=count_refused).on(cache)
    decision = log.hit(key)
    return decision.allowed, decision.remaining, int(time.time() + window_seconds)


def check_rate_limit(
    cache: Cache, key: str, config: RateLimit = RATE_LIMITS["DEFAULT"], *, count_refused: bool = True
) -> dict[str, Any] | None:
    """
    Count a request against a limit.

    Args:
        cache: whose server counts.
        key: what `rate_limit_key` makes.
        config: one of `RATE_LIMITS`, or another.
        count_refused: as in `is_allowed`.

    Returns:
        None when it is allowed, else the original's answer; its ``retry_after`` is the time after which the request is
        allowed, in whole seconds.
    """
    count, window = config
    decision = limiters_of((count, window), "sliding_log", count_refused=count_refused).on(cache).hit(key)
    return None if decision.allowed else refusal_bodies.quelyos_api(decision)
