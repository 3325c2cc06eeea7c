"""The keys of the FastAPI dashboard "Mercora" (prince8273): ``{type}:{tenant}:{...}``, no prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hitrate._native import PairsLayout, sha256_hex, sorted_json
from hitrate.layouts.entry import Entry, Event

__all__ = [
    "CACHE_TTL",
    "DEFAULT_TTL",
    "ENTRIES",
    "FRESHNESS",
    "MANAGER_DEFAULT_TTL",
    "PRODUCT_CHANGED",
    "TENANT_CHANGED",
    "build_cache_key",
    "event_pattern",
    "generate_query_hash",
    "get_freshness",
    "get_ttl",
    "invalidation_pattern",
    "make_cache_key",
    "query_result_key",
    "router_key",
    "tenant_pattern",
]

DEFAULT_TTL = 300
MANAGER_DEFAULT_TTL = 3600

CACHE_TTL: Mapping[str, int] = {
    "dashboard": 300,
    "dashboard_kpis": 300,
    "dashboard_trends": 300,
    "dashboard_alerts": 300,
    "dashboard_insights": 300,
    "dashboard_stats": 300,
    "dashboard_activity": 300,
    "products": 600,
    "metrics": 300,
    "competitor_matrix": 180,
    "pricing_trends": 600,
    "pricing_recommendations": 900,
    "pricing_promotions": 600,
    "sentiment_overview": 900,
    "sentiment_themes": 900,
    "sentiment_reviews": 600,
    "sentiment_complaints": 900,
    "forecast_demand": 1800,
    "forecast_inventory": 300,
    "forecast_sales": 600,
}
FRESHNESS: Mapping[str, int] = {"pricing": 3600, "sentiment": 86400, "forecast": 43200, "query_result": 3600}

TENANT_CHANGED = Event("tenant's data changed", ("tenant",))
PRODUCT_CHANGED = Event("product changed", ("tenant", "product"))

_PRODUCT = (PRODUCT_CHANGED, TENANT_CHANGED)

ENTRIES = (
    Entry("dashboard_stats:{tenant}", 300, (TENANT_CHANGED,)),
    Entry("dashboard_activity:{tenant}:limit:{limit}", 300, (TENANT_CHANGED,)),
    Entry("dashboard_kpis:{tenant}:days:{days}", 300, (TENANT_CHANGED,)),
    Entry("dashboard_insights:{tenant}", 300, (TENANT_CHANGED,)),
    Entry("dashboard_alerts:{tenant}", 300, (TENANT_CHANGED,)),
    Entry("dashboard_trends:{tenant}:days:{days}", 300, (TENANT_CHANGED,)),
    Entry("price_history:{tenant}:{product}:{days}", 3600, _PRODUCT),
    Entry("pricing_recs:{tenant}:{product}", 3600, _PRODUCT),
    Entry("pricing:{tenant}:{product}", 3600, _PRODUCT),
    Entry("sentiment:{tenant}:{product}:{range}", 86400, _PRODUCT),
    Entry("sentiment:{tenant}:{product}", 86400, _PRODUCT),
    Entry("reviews:{tenant}:{product}:{range}:{offset}:{limit}", 86400, _PRODUCT),
    Entry("forecast:{tenant}:{product}:{days}", 3600, _PRODUCT),
    Entry("query_result:{tenant}:{hash}", 3600, (TENANT_CHANGED,)),
    Entry("startup:ping", 60),
)

_PARAMS = PairsLayout(":", ":", shows="pairs", keep_none=True)


def make_cache_key(prefix: str, tenant_id: str, **params: Any) -> str:
    """
    The key of ``cache_service``.

    Args:
        prefix: type of the entry, for example ``"dashboard_kpis"``.
        tenant_id: of the tenant, as text.
        params: the parameters, as text by ``str()``, None included.

    Returns:
        ``{prefix}:{tenant}``, then ``:{name}:{value}`` for each parameter, by name.

    Raises:
        TypeError: the prefix or the tenant is no text.
    """
    # Concatenated, because that refuses what is no text.
    return _PARAMS.key(prefix + ":" + tenant_id, params)


def build_cache_key(cache_type: str, tenant_id: object, *identifier: object) -> str:
    """The key of ``CacheManager``; endpoints give identifiers of several parts."""
    return ":".join([f"{part}" for part in (cache_type, tenant_id, *identifier)])


def generate_query_hash(query: str, params: Mapping[str, Any] | None = None) -> str:
    """
    What ``QueryCacheService`` knows a query by.

    Args:
        query: the question; its case, and white space around it, do not count.
        params: parameters, as JSON; values that JSON cannot hold as text by ``str()``.

    Returns:
        16 hex digits of a SHA-256.
    """
    text = query.lower().strip()
    return sha256_hex(f"{text}:{sorted_json(params, default_str=True)}" if params else text, 16)


def query_result_key(tenant_id: object, query: str, params: Mapping[str, Any] | None = None) -> str:
    """The key of a query's result."""
    return build_cache_key("query_result", tenant_id, generate_query_hash(query, params))


def router_key(tenant_id: object, query: str, agents: Iterable[str]) -> str:
    """The key of ``QueryRouter``: 64 hex digits, for the names of the agents in any order."""
    return sha256_hex(f"{tenant_id}:{query.lower().strip()}:{','.join(sorted(agents))}")


def tenant_pattern(tenant_id: object, prefix: str = "*") -> str:
    """The glob of a tenant's entries, as the original has it: not those whose key ends with the tenant."""
    return f"{prefix}:{tenant_id}:*"


def invalidation_pattern(cache_type: str, tenant_id: object, pattern: str = "*") -> str:
    """The glob of one type's entries of a tenant."""
    return f"{cache_type}:{tenant_id}:{pattern}"


def event_pattern(cache_type: str, tenant_id: object, entity_id: object) -> str:
    """The glob of one type's entries that name an entity."""
    return f"{cache_type}:{tenant_id}:*{entity_id}*"


def get_ttl(cache_type: str) -> int:
    """Seconds that ``cache_service`` keeps entries of a type."""
    return CACHE_TTL.get(cache_type, DEFAULT_TTL)


def get_freshness(cache_type: str) -> int:
    """Seconds after which ``CacheManager`` calls entries of a type stale, and that it keeps them by default."""
    return FRESHNESS.get(cache_type, MANAGER_DEFAULT_TTL)
