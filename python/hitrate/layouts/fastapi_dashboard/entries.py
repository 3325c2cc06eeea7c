"""The entries of the FastAPI dashboard "Mercora" (prince8273), how long they live, and what makes them wrong."""

from __future__ import annotations

from collections.abc import Mapping

from hitrate.layouts.entry import Entry, Event

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
PRODUCT_CHANGED = Event("product created, changed or deleted", ("tenant", "product"))
PRICE_CHANGED = Event("price changed", ("tenant", "product"))
REVIEW_CHANGED = Event("review created or changed", ("tenant", "product"))
SALES_RECORDED = Event("sales recorded", ("tenant", "product"))
INVENTORY_CHANGED = Event("stock changed", ("tenant", "product"))
FORECAST_GENERATED = Event("forecast generated", ("tenant", "product"))

_PRICED = (PRODUCT_CHANGED, PRICE_CHANGED, TENANT_CHANGED)
_REVIEWED = (PRODUCT_CHANGED, REVIEW_CHANGED, TENANT_CHANGED)
_STOCKED = (PRODUCT_CHANGED, PRICE_CHANGED, REVIEW_CHANGED, INVENTORY_CHANGED, TENANT_CHANGED)
_FORECAST = (PRODUCT_CHANGED, SALES_RECORDED, INVENTORY_CHANGED, FORECAST_GENERATED, TENANT_CHANGED)
_TREND = (PRODUCT_CHANGED, PRICE_CHANGED, SALES_RECORDED, TENANT_CHANGED)
_ALL = (
    PRODUCT_CHANGED,
    PRICE_CHANGED,
    REVIEW_CHANGED,
    SALES_RECORDED,
    INVENTORY_CHANGED,
    FORECAST_GENERATED,
    TENANT_CHANGED,
)

# Of one product, by `CacheManager`: what stands behind the tenant, seconds, what clears it.
_PRODUCTS = (
    ("price_history", "{product}:{days}", 3600, _PRICED),
    ("pricing_recs", "{product}", 3600, _PRICED),
    ("pricing", "{product}", 3600, _PRICED),
    ("sentiment", "{product}", 86400, _REVIEWED),
    ("sentiment", "{product}:{range}", 86400, _REVIEWED),
    ("reviews", "{product}:{range}:{offset}:{limit}", 86400, _REVIEWED),
    ("forecast", "{product}:{days}", 3600, _FORECAST),
    # Types that the original's events clear, under which its own code stores nothing.
    ("product", "{product}", 3600, _STOCKED),
    ("review", "{product}", 3600, _REVIEWED),
    ("sales", "{product}", 3600, (PRODUCT_CHANGED, SALES_RECORDED, TENANT_CHANGED)),
    ("inventory", "{product}", 3600, (PRODUCT_CHANGED, INVENTORY_CHANGED, TENANT_CHANGED)),
)
# Of a whole tenant, by ``cache_service``: what stands behind the tenant, what clears it.
_TENANTS = (
    ("dashboard", "", _ALL),
    ("dashboard_stats", "", _ALL),
    ("dashboard_activity", ":limit:{limit}", _ALL),
    ("dashboard_kpis", ":days:{days}", _ALL),
    ("dashboard_insights", "", _ALL),
    ("dashboard_alerts", "", _ALL),
    ("dashboard_trends", ":days:{days}", _TREND),
    ("products", ":{params}", _STOCKED),
    ("metrics", ":{params}", _ALL),
    ("competitor_matrix", ":{params}", _PRICED),
    ("pricing_trends", ":{params}", _PRICED),
    ("pricing_recommendations", ":{params}", _PRICED),
    ("pricing_promotions", ":{params}", _PRICED),
    ("sentiment_overview", ":{params}", _REVIEWED),
    ("sentiment_themes", ":{params}", _REVIEWED),
    ("sentiment_reviews", ":{params}", _REVIEWED),
    ("sentiment_complaints", ":{params}", _REVIEWED),
    ("forecast_demand", ":{params}", _FORECAST),
    ("forecast_inventory", ":{params}", _FORECAST),
    ("forecast_sales", ":{params}", _FORECAST),
)

ENTRIES = (
    *(Entry(f"{kind}:{{tenant}}{rest}", CACHE_TTL[kind], cleared_by) for kind, rest, cleared_by in _TENANTS),
    *(Entry(f"{kind}:{{tenant}}:{rest}", ttl, cleared_by) for kind, rest, ttl, cleared_by in _PRODUCTS),
    Entry("query_result:{tenant}:{hash}", 3600, _ALL),
    Entry("startup:ping", 60),
)


def get_ttl(cache_type: str) -> int:
    """Seconds that ``cache_service`` keeps entries of a type."""
    return CACHE_TTL.get(cache_type, DEFAULT_TTL)


def get_freshness(cache_type: str) -> int:
    """Seconds after which `CacheManager` calls entries of a type stale."""
    return FRESHNESS.get(cache_type, MANAGER_DEFAULT_TTL)
