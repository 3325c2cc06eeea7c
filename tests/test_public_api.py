"""
The public names, as reviewed, and what importing them costs.

A name that is added here is a promise to every user; one that is taken away needs a deprecation first.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys

import pytest

EXCEPTIONS = frozenset(
    """
    HitrateError
    ConfigError InvalidKeyError SerializationError
    CounterError MissingKeyError NotANumberError CounterOverflowError
    LockError LockTimeoutError LockNotOwnedError
    ServerError ServerConnectionError AuthenticationError ServerTimeoutError ServerUnavailableError ServerStateError
    ServerPermissionError ServerResponseError ProtocolError
    """.split()
)
PUBLIC = {
    "hitrate": EXCEPTIONS
    | {"Cache", "Decision", "Limit", "Local", "Lock", "RateLimiter", "__version__", "cached", "escape_glob"},
    "hitrate.asgi": frozenset({"RateLimitMiddleware", "ResponseCacheMiddleware", "path_key", "response_stats"}),
    "hitrate.fastapi": frozenset({"cached_response", "get_cache", "lifespan", "rate_limit", "response_stats"}),
    "hitrate.django": frozenset(
        """
        CachedViewMixin Explanation RawClient RedisCache Rule Target ainvalidate_cache ainvalidate_keys ainvalidate_tags
        cache_api_response changing explain get_cache_stats get_redis_connection invalidate_cache invalidate_keys
        invalidate_tags key pattern rate_limit register response_stats tag unregister warmer
        """.split()
    ),
    "hitrate.django.bulk": frozenset({"bulk_create", "bulk_update", "changing", "update"}),
    "hitrate.layouts": frozenset(
        {"Entry", "Event", "django_ecommerce", "fastapi_dashboard", "nalar", "quelyos_api", "quelyos_ecommerce"}
    ),
    "hitrate.layouts.django_ecommerce": frozenset(
        """
        CATEGORIES CATEGORY_CHANGED COLORS COLORS_CHANGED DEFAULT_TTL ENTRIES HELPER_PRODUCT_TTL NEW_ARRIVALS
        OTHER_PRODUCT_CHANGED PREFIX PRODUCT_CHANGED PRODUCT_CREATED RedisClient TOP_SELLERS USER_CHANGED
        cache_api_response cache_category_products cache_product cache_user_cart cart_key category_key
        category_products_key filters_key generate_cache_key get_cached_cart get_cached_category_products
        get_cached_product invalidate_category_cache invalidate_product_cache invalidate_user_cache personalized_key
        product_key product_list_key recommendations_key redis_client redis_key variants_key variants_list_key
        """.split()
    ),
    "hitrate.layouts.fastapi_dashboard": frozenset(
        """
        CACHE_TTL CacheInvalidationSubscriber CacheManager DEFAULT_TTL DataEvent ENTRIES EventPublisher EventType
        FORECAST_GENERATED FRESHNESS INVENTORY_CHANGED MANAGER_DEFAULT_TTL PRICE_CHANGED PRODUCT_CHANGED
        QueryCacheService REVIEW_CHANGED SALES_RECORDED TENANT_CHANGED build_cache_key create_router
        generate_query_hash get_cache_manager get_cache_subscriber get_cached get_event_publisher get_freshness
        get_or_set_cached get_ttl initialize_cache_invalidation invalidate_cache invalidate_tenant_cache is_fresh
        make_cache_key original query_result_key set_cache_manager set_cached
        """.split()
    ),
    "hitrate.layouts.fastapi_dashboard.original": frozenset(
        "build_cache_key event_pattern invalidation_pattern make_cache_key router_key tenant_pattern".split()
    ),
    "hitrate.layouts.nalar": frozenset(
        """
        DEFAULT_TTL ENTRIES HEALTH_CHECK POSITION_CHANGED PREFIX cache_api_response get_cache_stats invalidate_cache
        invalidation_pattern redis_key response_key session_key throttle_key
        """.split()
    ),
    "hitrate.layouts.quelyos_api": frozenset(
        """
        CATEGORIES_CHANGED DEFAULT_TTL ENTRIES PRODUCT_CHANGED RATE_LIMITS RateLimit SITEMAP TTLS cached_key
        categories_key check_rate_limit dashboard_stats_key generate_key generate_key_without_tenant
        get_products_list_key is_allowed product_detail_key products_list_key rate_limit_key rate_limit_redis_key
        site_config_key view_count_allowed view_count_key
        """.split()
    ),
    "hitrate.layouts.quelyos_ecommerce": frozenset(
        """
        DEFAULT_TTL ENTRIES ORDER_CHANGED PRODUCT_CHANGED cached_key list_products_key product_key rate_limit
        rate_limit_key
        """.split()
    ),
    "hitrate.metrics": frozenset({"collector", "publish"}),
    "hitrate.odoo": frozenset(
        """
        Answer CacheMixin Rule Settings cache_of cached client_address forget_keys forgets invalidate on_change_of_state
        once_per_request rate_limited remember settings_of snapshot_age
        """.split()
    ),
    "hitrate.testing": frozenset({"Endpoint", "Server", "TLSFiles", "find_server", "free_port", "throwaway_server"}),
}
# Neither the frameworks we adapt to, nor what we replace, nor what is slow to import and needed by few.
NOT_IMPORTED = set(
    "asyncio django fastapi gevent odoo prometheus_client redis rest_framework rich starlette valkey".split()
)

IMPORT_AND_LOOK = """
import json, os, sys
events = []
sys.addaudithook(lambda event, args: events.append(event))
def kinds():
    here = f"/proc/{os.getpid()}"
    if not os.path.isdir(here):
        return {}
    links = [os.path.join(here, "fd", fd) for fd in os.listdir(f"{here}/fd")]
    opened = [os.readlink(link).split(":")[0] for link in links if os.path.lexists(link)]
    return {"threads": len(os.listdir(f"{here}/task")), "sockets": opened.count("socket")}
before, modules, at = kinds(), set(sys.modules), len(events)
import hitrate
print(json.dumps({
    "events": [e for e in events[at:] if e.startswith(("socket.", "_thread.", "subprocess.", "os.fork"))],
    "before": before,
    "after": kinds(),
    "modules": sorted({name.partition(".")[0] for name in set(sys.modules) - modules}),
}))
"""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_the_reviewed_ones(module: str) -> None:
    imported = importlib.import_module(module)
    assert sorted(imported.__all__) == sorted(PUBLIC[module])
    assert [name for name in imported.__all__ if not hasattr(imported, name)] == []


def test_every_error_class_is_public_and_under_one_base() -> None:
    exceptions = importlib.import_module("hitrate.exceptions")
    classes = {name: item for name, item in vars(exceptions).items() if inspect.isclass(item)}
    assert set(classes) == EXCEPTIONS
    assert all(issubclass(item, exceptions.HitrateError) for item in classes.values())


def test_the_version_is_that_of_the_installed_package() -> None:
    metadata = importlib.import_module("importlib.metadata")
    assert importlib.import_module("hitrate").__version__ == metadata.version("hitrate")


def test_importing_hitrate_starts_nothing_and_imports_no_framework() -> None:
    command = [sys.executable, "-I", "-W", "error", "-c", IMPORT_AND_LOOK]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seen = json.loads(output)
    assert seen["events"] == []
    assert seen["after"] == seen["before"]
    assert "hitrate" in seen["modules"]
    assert NOT_IMPORTED & set(seen["modules"]) == set()


def test_importing_the_adapter_of_django_reads_no_setting() -> None:
    # Without a project every setting that is asked for raises.
    command = [sys.executable, "-c", "import hitrate.django, hitrate.layouts.nalar, hitrate.layouts.django_ecommerce"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_beside_an_adapter_of_django_without_a_project_functions_are_cached() -> None:
    program = """
import hitrate, hitrate.django

calls = []

@hitrate.cached(hitrate.Cache("memory://"))
def made():
    calls.append(1)
    return len(calls)

print(made(), made())
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 1\n", "")
