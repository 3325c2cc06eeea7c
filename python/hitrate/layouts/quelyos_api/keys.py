"""The keys of the Odoo module "quelyos_api": the parameters themselves, then 8 digits of their MD5; no prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from hitrate._native import PairsLayout
from hitrate.layouts.entry import Entry, Event

DEFAULT_TTL = 300
SITEMAP = "sitemap_data_cache"

TTLS: Mapping[str, int] = {
    "PRODUCTS_LIST": 300,
    "PRODUCT_DETAIL": 600,
    "CATEGORIES": 3600,
    "STATIC_PAGES": 1800,
    "USER_SESSION": 900,
    "CART": 300,
    "SITE_CONFIG": 3600,
    "SEARCH_RESULTS": 180,
    "PRICELISTS": 1800,
    "STOCK_SUMMARY": 60,
    "DASHBOARD_STATS": 300,
}

PRODUCT_CHANGED = Event("product changed", ("tenant", "id"))
CATEGORIES_CHANGED = Event("categories changed", ("tenant",))

ENTRIES = (
    # The one that a route stores; the helpers' patterns missed it.
    Entry("tenant:{tenant}:products:{params}:{hash}", 300, (PRODUCT_CHANGED,)),
    Entry("products:{params}:{hash}", 300, (PRODUCT_CHANGED,)),
    Entry("tenant:{tenant}:products:list:{params}:{hash}", TTLS["PRODUCTS_LIST"], (PRODUCT_CHANGED,)),
    Entry("tenant:{tenant}:products:detail:{id}", TTLS["PRODUCT_DETAIL"], (PRODUCT_CHANGED,)),
    Entry("tenant:{tenant}:categories:all", TTLS["CATEGORIES"], (CATEGORIES_CHANGED,)),
    Entry("tenant:{tenant}:dashboard:stats:{user}", TTLS["DASHBOARD_STATS"]),
    Entry("config:tenant:{tenant}", TTLS["SITE_CONFIG"]),
    Entry(SITEMAP, 300),
    Entry("view_count:{ip}:{id}", 60),
)

_LIST = PairsLayout("=", ":", shows="both", digits=8, empty="all", formatted=True)


@partial(_LIST.function, scope="tenant")
def generate_key(prefix: str, tenant_id: object = None, **kwargs: Any) -> str:  # type: ignore[empty-body]  # native
    """
    The key that ``CacheService`` makes.

    Args:
        prefix: first part of the key, for example ``"products"``.
        tenant_id: puts ``tenant:{tenant_id}:`` in front; anything false does not.
        kwargs: the parameters, as an f-string writes them; those that are None do not count.

    Returns:
        ``{prefix}:{name=value:name=value}:{hash}``, by name, the hash being the first 8 hex digits of the MD5 of what
        stands before it; ``{prefix}:all:{hash}`` without parameters.

    Raises:
        UnicodeEncodeError: a lone surrogate in a parameter.
    """


def generate_key_without_tenant(prefix: str, **kwargs: Any) -> str:
    """The key as it was made until 2026-01-31: ``tenant_id`` is a parameter like any other."""
    return _LIST.key(prefix, kwargs)


def get_products_list_key(params: Mapping[str, Any]) -> str:
    """
    The key of ``/api/ecommerce/products``.

    Args:
        params: the JSON-RPC ``params``.

    Raises:
        ValueError: ``limit`` or ``offset`` is no integer.
    """
    get = params.get
    attributes = get("attribute_value_ids")
    return generate_key(
        "products",
        tenant_id=get("tenant_id"),
        limit=int(get("limit", 20)),
        offset=int(get("offset", 0)),
        category_id=get("category_id"),
        search=get("search", "").strip(),
        sort_by=get("sort_by", "name"),
        sort_order=get("sort_order", "asc"),
        stock_status=get("stock_status"),
        include_archived=get("include_archived", False),
        price_min=get("price_min"),
        price_max=get("price_max"),
        attribute_value_ids=str(attributes) if attributes else None,
    )


def cached_key(prefix: str, key_args: Iterable[str] | None, kwargs: Mapping[str, Any]) -> str:
    """
    The key of a call under ``cached(prefix, key_args=...)``.

    Args:
        prefix: the decorator's.
        key_args: names of the keyword arguments that count; none: all of them.
        kwargs: keyword arguments of the call. Positional ones do not count.
    """
    names = list(key_args or kwargs)
    return generate_key(prefix, **{name: kwargs[name] for name in names if name in kwargs})


def product_detail_key(tenant_id: object, product_id: object) -> str:
    """The key of one product."""
    return f"tenant:{tenant_id}:products:detail:{product_id}"


def products_list_key(tenant_id: object, params: Mapping[str, Any]) -> str:
    """The key of ``CacheStrategies``' list of products; no route stores it."""
    return generate_key("products:list", tenant_id=tenant_id, **params)


def categories_key(tenant_id: object) -> str:
    """The key of all categories."""
    return f"tenant:{tenant_id}:categories:all"


def site_config_key(tenant_id: object) -> str:
    """The key of a site's configuration."""
    return f"config:tenant:{tenant_id}"


def dashboard_stats_key(tenant_id: object, user_id: object) -> str:
    """The key of a user's dashboard."""
    return f"tenant:{tenant_id}:dashboard:stats:{user_id}"


def view_count_key(environ: Mapping[str, str], remote_addr: str | None, product_id: object) -> str:
    """
    The key under which a view of a product is counted once a minute.

    Args:
        environ: the WSGI environment; ``HTTP_X_REAL_IP`` counts, or the first part of ``HTTP_X_FORWARDED_FOR``. Anyone
            can send these: pass only what a trusted proxy wrote.
        remote_addr: the address, if neither of them is there.
        product_id: what was viewed.
    """
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[0]
    return view_count_key_of(environ.get("HTTP_X_REAL_IP") or forwarded or remote_addr, product_id)


def view_count_key_of(address: str | None, product_id: object) -> str:
    """The key under which a view of a product from an address is counted once a minute."""
    return f"view_count:{address}:{product_id}"


def rate_limit_key(
    prefix: str, user_id: object, session_id: str | None, forwarded_for: str | None, remote_addr: str | None
) -> str:
    """
    The key that a limit is counted under: of the user, or else of the session, or else of the address.

    Args:
        prefix: name of the limit.
        user_id: of a user who is logged in; None: nobody is.
        session_id: of the session, if there is one.
        forwarded_for: the ``X-Forwarded-For`` header, of which the first part counts.
        remote_addr: the address, without that header.
    """
    if user_id is not None:
        return f"{prefix}:user:{user_id}"
    if session_id:
        return f"{prefix}:session:{session_id}"
    first = (forwarded_for or "").split(",")[0].strip()
    return f"{prefix}:ip:{first or remote_addr or 'unknown'}"


def rate_limit_redis_key(key: str) -> str:
    """The sorted set that Redis holds for a limit's key, in the database of the limits."""
    return f"rate:{key}"
