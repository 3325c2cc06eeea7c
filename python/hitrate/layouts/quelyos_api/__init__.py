"""The keys and limits of the Odoo module "quelyos_api"; no prefix."""

from __future__ import annotations

from hitrate.layouts.quelyos_api.keys import (
    CATEGORIES_CHANGED,
    DEFAULT_TTL,
    ENTRIES,
    PRODUCT_CHANGED,
    SITEMAP,
    TTLS,
    cached_key,
    categories_key,
    dashboard_stats_key,
    generate_key,
    generate_key_without_tenant,
    get_products_list_key,
    product_detail_key,
    products_list_key,
    rate_limit_key,
    rate_limit_redis_key,
    site_config_key,
    view_count_key,
)
from hitrate.layouts.quelyos_api.limits import (
    RATE_LIMITS,
    RateLimit,
    check_rate_limit,
    is_allowed,
    view_count_allowed,
)

__all__ = [
    "CATEGORIES_CHANGED",
    "DEFAULT_TTL",
    "ENTRIES",
    "PRODUCT_CHANGED",
    "RATE_LIMITS",
    "SITEMAP",
    "TTLS",
    "RateLimit",
    "cached_key",
    "categories_key",
    "check_rate_limit",
    "dashboard_stats_key",
    "generate_key",
    "generate_key_without_tenant",
    "get_products_list_key",
    "is_allowed",
    "product_detail_key",
    "products_list_key",
    "rate_limit_key",
    "rate_limit_redis_key",
    "site_config_key",
    "view_count_allowed",
    "view_count_key",
]
