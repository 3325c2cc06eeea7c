"""The keys and the limiter of the Odoo module "quelyos_ecommerce": no prefix; lists by the MD5 of sorted JSON."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hitrate._native import md5_hex, sorted_json
from hitrate.cache import Cache
from hitrate.gates import limiters_of
from hitrate.http import refusal_bodies
from hitrate.layouts.entry import Entry, Event

__all__ = [
    "DEFAULT_TTL",
    "ENTRIES",
    "ORDER_CHANGED",
    "PRODUCT_CHANGED",
    "cached_key",
    "list_products_key",
    "product_key",
    "rate_limit",
    "rate_limit_key",
]

logger = logging.getLogger("hitrate.layouts.quelyos_ecommerce")

DEFAULT_TTL = 3600

PRODUCT_CHANGED = Event("product.template changed or deleted", ("id",))
ORDER_CHANGED = Event("sale.order changed or confirmed")

ENTRIES = (
    Entry("product:api:{id}", 3600, (PRODUCT_CHANGED,)),
    Entry("product:seo:{id}", 3600, (PRODUCT_CHANGED,)),
    Entry("product:details:{id}", 3600, (PRODUCT_CHANGED,)),
    Entry("products:list:{md5}", 300, (PRODUCT_CHANGED,)),
    # Documented, cleared, and written by nobody yet.
    Entry("products:facets:{name}", 300, (PRODUCT_CHANGED,)),
    Entry("analytics:{name}", 900, (ORDER_CHANGED,)),
    Entry("search:{name}", 600),
    Entry("recommendations:{name}", 1800),
)


def list_products_key(params: Mapping[str, Any]) -> str:
    """
    The key of ``/api/ecommerce/products/list/cached``.

    Args:
        params: the JSON-RPC ``params`` without ``context``. ``20``, ``"20"`` and ``20.0`` are three keys.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    return f"products:list:{md5_hex(sorted_json(params))}"


def product_key(kind: str, product_id: object) -> str:
    """The key of one product; `kind` is ``"api"``, ``"seo"`` or ``"details"``."""
    return f"product:{kind}:{product_id}"


def cached_key(key_prefix: str, *args: object) -> str:
    """The key of a method under ``cached(key_prefix)``, from its positional arguments; keyword ones do not count."""
    return f"{key_prefix}:{':'.join(map(str, args))}"


def rate_limit_key(function: str, uid: object, remote_addr: str | None) -> str:
    """The key of ``rate_limit``: of the session's user, or else of the address."""
    return f"{function}:user_{uid}" if uid else f"{function}:ip_{remote_addr}"


def rate_limit(
    cache: Cache, function: str, uid: object, remote_addr: str | None, *, limit: int = 100, window: int = 60
) -> dict[str, Any] | None:
    """
    Count a call of a function against its limit: `limit` calls in `window` seconds, for all workers together.

    Args:
        cache: whose server counts. The original counted in each process.
        function: what is called; functions of one name share a limit.
        uid: of the session's user, if there is one.
        remote_addr: the address, which counts for everybody else.
        limit: calls that are allowed.
        window: in how many seconds.

    Returns:
        None when the call is allowed, else the original's answer.
    """
    key = rate_limit_key(function, uid, remote_addr)
    decision = limiters_of((limit, window), "sliding_log").on(cache).hit(key)
    if decision.allowed:
        return None
    who = key.removeprefix(f"{function}:")
    logger.warning("Rate limit exceeded for %s on %s: %d/%d requests in %ds", who, function, limit, limit, window)
    return refusal_bodies.quelyos_ecommerce(decision)
