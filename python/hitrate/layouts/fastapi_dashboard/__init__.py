"""The FastAPI dashboard "Mercora" (prince8273): its layout as data, its keys, and what its code imported."""

from __future__ import annotations

from hitrate.layouts.fastapi_dashboard import original
from hitrate.layouts.fastapi_dashboard.bus import (
    get_cache_subscriber,
    get_event_publisher,
    initialize_cache_invalidation,
)
from hitrate.layouts.fastapi_dashboard.entries import (
    CACHE_TTL,
    DEFAULT_TTL,
    ENTRIES,
    FORECAST_GENERATED,
    FRESHNESS,
    INVENTORY_CHANGED,
    MANAGER_DEFAULT_TTL,
    PRICE_CHANGED,
    PRODUCT_CHANGED,
    REVIEW_CHANGED,
    SALES_RECORDED,
    TENANT_CHANGED,
    get_freshness,
    get_ttl,
)
from hitrate.layouts.fastapi_dashboard.envelope import is_fresh
from hitrate.layouts.fastapi_dashboard.events import DataEvent, EventPublisher, EventType
from hitrate.layouts.fastapi_dashboard.keys import (
    build_cache_key,
    generate_query_hash,
    make_cache_key,
    query_result_key,
)
from hitrate.layouts.fastapi_dashboard.manager import CacheManager
from hitrate.layouts.fastapi_dashboard.queries import QueryCacheService
from hitrate.layouts.fastapi_dashboard.router import create_router
from hitrate.layouts.fastapi_dashboard.service import (
    get_cache_manager,
    get_cached,
    get_or_set_cached,
    invalidate_cache,
    invalidate_tenant_cache,
    set_cache_manager,
    set_cached,
)
from hitrate.layouts.fastapi_dashboard.subscriber import CacheInvalidationSubscriber

__all__ = [
    "CACHE_TTL",
    "DEFAULT_TTL",
    "ENTRIES",
    "FORECAST_GENERATED",
    "FRESHNESS",
    "INVENTORY_CHANGED",
    "MANAGER_DEFAULT_TTL",
    "PRICE_CHANGED",
    "PRODUCT_CHANGED",
    "REVIEW_CHANGED",
    "SALES_RECORDED",
    "TENANT_CHANGED",
    "CacheInvalidationSubscriber",
    "CacheManager",
    "DataEvent",
    "EventPublisher",
    "EventType",
    "QueryCacheService",
    "build_cache_key",
    "create_router",
    "generate_query_hash",
    "get_cache_manager",
    "get_cache_subscriber",
    "get_cached",
    "get_event_publisher",
    "get_freshness",
    "get_or_set_cached",
    "get_ttl",
    "initialize_cache_invalidation",
    "invalidate_cache",
    "invalidate_tenant_cache",
    "is_fresh",
    "make_cache_key",
    "original",
    "query_result_key",
    "set_cache_manager",
    "set_cached",
]
