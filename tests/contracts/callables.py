"""
What hitrate answers to the golden vectors: for each (system, function) a callable that takes the vector's arguments.

`KEYS` give the key that code uses, `REDIS_KEYS` the one the server holds, where that is another; `TTLS` are seconds;
`INVALIDATIONS` need Django's default cache, and forget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitrate.layouts import django_ecommerce, fastapi_dashboard, nalar, quelyos_api, quelyos_ecommerce

Build = Callable[..., str]
# The vectors of query results are those of this tenant.
TENANT = "54d459ab-4ae8-480a-9d1c-d53b218a4fb2"

SHOP_KINDS: dict[str, Build] = {
    "category": django_ecommerce.category_key,
    "category_products": django_ecommerce.category_products_key,
    "product": django_ecommerce.product_key,
    "variants": django_ecommerce.variants_key,
    "variants_list": django_ecommerce.variants_list_key,
    "recommendations": django_ecommerce.recommendations_key,
    "cart": django_ecommerce.cart_key,
}
STRATEGIES: dict[str, Build] = {
    "product_detail": quelyos_api.product_detail_key,
    "products_list": quelyos_api.products_list_key,
    "categories": quelyos_api.categories_key,
    "site_config": quelyos_api.site_config_key,
    "dashboard_stats": quelyos_api.dashboard_stats_key,
}
PATTERNS: dict[str, Build] = {
    "invalidate_tenant_cache": fastapi_dashboard.original.tenant_pattern,
    "clear_tenant_cache": fastapi_dashboard.original.tenant_pattern,
    "invalidate_pattern": fastapi_dashboard.original.invalidation_pattern,
    "event": fastapi_dashboard.original.event_pattern,
}


def _shop_key(kind: str, *args: object) -> str:
    return SHOP_KINDS[kind](*args) if kind in SHOP_KINDS else kind


def _warmup_key(kind: str, slug: str) -> str:
    return django_ecommerce.generate_cache_key(f"products:{kind}", category__slug=slug)


def _response_key(key_prefix: str, function: str, pk: object, query: str | None, **_other_arguments: object) -> str:
    return nalar.response_key(key_prefix, function, pk=pk, query=query)


def _other_key(kind: str, ident: Any) -> str:
    if kind == nalar.HEALTH_CHECK:
        return nalar.HEALTH_CHECK
    return nalar.session_key(ident) if kind == "session" else nalar.throttle_key(kind, ident)


KEYS: dict[tuple[str, str], Build] = {
    ("quelyos_ecommerce", "list_products_cached"): lambda **params: quelyos_ecommerce.list_products_key(params),
    ("quelyos_ecommerce", "product_key"): quelyos_ecommerce.product_key,
    ("quelyos_ecommerce", "cached"): lambda *args, **_ignored: quelyos_ecommerce.cached_key(*args),
    ("quelyos_ecommerce", "rate_limit"): quelyos_ecommerce.rate_limit_key,
    ("quelyos_api", "view_count"): quelyos_api.view_count_key,
    ("quelyos_api", "CacheService._generate_key"): quelyos_api.generate_key,
    ("quelyos_api", "CacheService._generate_key (before tenants)"): quelyos_api.generate_key_without_tenant,
    ("quelyos_api", "get_products_list"): quelyos_api.get_products_list_key,
    ("quelyos_api", "CacheStrategies"): lambda strategy, *args: STRATEGIES[strategy](*args),
    ("quelyos_api", "cached"): quelyos_api.cached_key,
    ("quelyos_api", "rate_limit_key"): quelyos_api.rate_limit_key,
    ("django_ecommerce", "generate_cache_key"): django_ecommerce.generate_cache_key,
    ("django_ecommerce", "ProductViewSet.list"): django_ecommerce.product_list_key,
    ("django_ecommerce", "ProductViewSet.personalized"): django_ecommerce.personalized_key,
    ("django_ecommerce", "ProductViewSet.filters"): django_ecommerce.filters_key,
    ("django_ecommerce", "warmup_cache"): _warmup_key,
    ("django_ecommerce", "fixed keys"): _shop_key,
    ("nalar", "cache_api_response"): _response_key,
    ("nalar", "invalidate_cache"): nalar.invalidation_pattern,
    ("nalar", "throttle and other keys"): _other_key,
    ("fastapi_dashboard", "make_cache_key"): fastapi_dashboard.original.make_cache_key,
    ("fastapi_dashboard", "CacheManager._build_cache_key"): fastapi_dashboard.original.build_cache_key,
    ("fastapi_dashboard", "QueryCacheService._generate_query_hash"): fastapi_dashboard.generate_query_hash,
    ("fastapi_dashboard", "QueryRouter._generate_cache_key"): fastapi_dashboard.original.router_key,
    ("fastapi_dashboard", "endpoint keys"): fastapi_dashboard.original.build_cache_key,
    ("fastapi_dashboard", "invalidation patterns"): lambda source, *args: PATTERNS[source](*args),
}


def _behind(redis_key: Build, build: Build) -> Build:
    return lambda *args, **kwargs: redis_key(build(*args, **kwargs))


REDIS_KEYS: dict[tuple[str, str], Build] = {
    ("quelyos_api", "rate_limit_key"): _behind(quelyos_api.rate_limit_redis_key, quelyos_api.rate_limit_key),
    ("fastapi_dashboard", "QueryCacheService._generate_query_hash"): (
        lambda *args: fastapi_dashboard.query_result_key(TENANT, *args)
    ),
    **{
        name: _behind(django_ecommerce.redis_key, build)
        for name, build in KEYS.items()
        if name[0] == "django_ecommerce"
    },
    **{
        name: _behind(nalar.redis_key, build)
        for name, build in KEYS.items()
        if name[0] == "nalar" and name[1] != "invalidate_cache"
    },
}


def _ttls() -> dict[tuple[str, str], int]:
    odoo, api, shop, dashboard = "quelyos_ecommerce", "quelyos_api", "django_ecommerce", "fastapi_dashboard"
    endpoints = {entry.key.partition(":")[0]: entry.ttl for entry in fastapi_dashboard.ENTRIES}
    return {
        **{(odoo, entry.key): entry.ttl for entry in quelyos_ecommerce.ENTRIES},
        (odoo, "cached decorator default"): quelyos_ecommerce.DEFAULT_TTL,
        (odoo, "redis.cache.set default"): quelyos_ecommerce.DEFAULT_TTL,
        **{(api, name): ttl for name, ttl in quelyos_api.TTLS.items()},
        **{(api, entry.key): entry.ttl for entry in quelyos_api.ENTRIES},
        (api, "CacheService.set default"): quelyos_api.DEFAULT_TTL,
        **{(shop, entry.key): entry.ttl for entry in django_ecommerce.ENTRIES},
        (shop, "cache_product helper"): django_ecommerce.HELPER_PRODUCT_TTL,
        (shop, "default"): django_ecommerce.DEFAULT_TTL,
        **{("nalar", ":".join(entry.key.split(":")[:2])): entry.ttl for entry in nalar.ENTRIES},
        ("nalar", "default"): nalar.DEFAULT_TTL,
        **{(dashboard, f"CACHE_TTL {name}"): fastapi_dashboard.get_ttl(name) for name in fastapi_dashboard.CACHE_TTL},
        (dashboard, "get_ttl unknown type"): fastapi_dashboard.get_ttl("no such type"),
        **{(dashboard, f"freshness {name}"): ttl for name, ttl in fastapi_dashboard.FRESHNESS.items()},
        (dashboard, "freshness any other type"): fastapi_dashboard.get_freshness("reviews"),
        **{(dashboard, f"endpoint {name}"): ttl for name, ttl in endpoints.items()},
        (dashboard, "endpoint startup:ping"): endpoints["startup"],
    }


TTLS = _ttls()


def _clear(*patterns: str) -> Callable[[], int]:
    return lambda: sum(django_ecommerce.redis_client.clear_pattern(pattern) for pattern in patterns)


# What the command clears for each of its flags.
PRODUCTS, CATEGORIES, COLORS = ("products:*", "product:*"), ("categories:*", "category:*"), ("product_colors:*",)

_SHOP_INVALIDATIONS: dict[str, Callable[..., int | None]] = {
    "invalidate_product_cache": django_ecommerce.invalidate_product_cache,
    "invalidate_category_cache (views)": django_ecommerce.invalidate_category_cache,
    "invalidate_category_cache (signals)": django_ecommerce.invalidate_category_cache,
    "clear_product_cache --all": _clear(*PRODUCTS, *CATEGORIES, *COLORS),
    "clear_product_cache --products": _clear(*PRODUCTS),
    "clear_product_cache --categories": _clear(*CATEGORIES),
    "clear_product_cache --colors": _clear(*COLORS),
    "clear_product_cache --product-id 5": django_ecommerce.invalidate_product_cache,
    "invalidate_user_cache": django_ecommerce.redis_client.invalidate_user_cache,
}
# The vectors tell what the original did from what it meant to do.
MEANT = " (with the version in the pattern)"
INVALIDATIONS: dict[tuple[str, str], Callable[..., int | None]] = {
    ("nalar", "invalidate_cache"): nalar.invalidate_cache,
    **{
        ("django_ecommerce", f"{name}{suffix}"): forget
        for name, forget in _SHOP_INVALIDATIONS.items()
        for suffix in ("", MEANT)
    },
}
