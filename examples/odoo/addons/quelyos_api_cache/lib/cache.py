"""``CacheService`` and what the original had around it: the same keys and values, without its holes."""

from __future__ import annotations

import functools
import inspect
import json
import logging

from hitrate import escape_glob
from hitrate.exceptions import HitrateError, ServerUnavailableError
from hitrate.layouts import quelyos_api as layout

from . import client

_logger = logging.getLogger(__name__)


class CacheTTL:
    """Lifetimes in seconds."""

    PRODUCTS_LIST = layout.TTLS["PRODUCTS_LIST"]
    PRODUCT_DETAIL = layout.TTLS["PRODUCT_DETAIL"]
    CATEGORIES = layout.TTLS["CATEGORIES"]
    STATIC_PAGES = layout.TTLS["STATIC_PAGES"]
    USER_SESSION = layout.TTLS["USER_SESSION"]
    CART = layout.TTLS["CART"]
    SITE_CONFIG = layout.TTLS["SITE_CONFIG"]
    SEARCH_RESULTS = layout.TTLS["SEARCH_RESULTS"]
    PRICELISTS = layout.TTLS["PRICELISTS"]
    STOCK_SUMMARY = layout.TTLS["STOCK_SUMMARY"]
    DASHBOARD_STATS = layout.TTLS["DASHBOARD_STATS"]


class CacheService:
    """
    Values for all workers; nothing raises.

    Args:
        env: whose parameters say where Redis is; by default those of the request, outside of one the environment.
    """

    def __init__(self, env=None):
        self._env = env

    @property
    def enabled(self):
        """Whether the server answers now, not whether it did when this process began."""
        try:
            client.cache(self._env).execute("PING")
        except HitrateError:
            return False
        return True

    def _generate_key(self, prefix, tenant_id=None, **kwargs):
        return layout.generate_key(prefix, tenant_id, **kwargs)

    def get(self, key):
        """Return a value, or None."""
        found = self._attempt("GET", None, lambda cache: cache.get(key))
        _logger.debug("❌ Cache MISS: %s" if found is None else "✅ Cache HIT: %s", key)
        return found

    def set(self, key, value, ttl=layout.DEFAULT_TTL):
        """Store a value for so many seconds; tell whether it was."""

        def store(cache):
            # JSON in UTF-8, as the original wrote it; the client's own is ASCII, as the other system's is.
            text = json.dumps(value, ensure_ascii=False)
            # System parameters, which hold lifetimes, are texts.
            return bool(cache.execute("SETEX", cache.make_key(key), int(ttl), text))

        stored = self._attempt("SET", False, store)
        if stored:
            _logger.debug("✅ Cache SET: %s (TTL: %ss)", key, ttl)
        return stored

    def delete(self, key):
        """Delete a value; False while the server is away, and then it is deleted when that is back."""
        done = self._attempt("DELETE", False, lambda cache: cache.delete_many([key]) is not None)
        if done:
            _logger.debug("✅ Cache DELETE: %s", key)
        return done

    def invalidate_pattern(self, pattern):
        """Delete what matches, by steps that hold nobody up."""
        count = self._attempt("INVALIDATE", None, lambda cache: cache.invalidate(pattern))
        if count is None:
            return False
        _logger.info("✅ Cache invalidated: %d keys (%s)", count, pattern)
        return True

    def get_stats(self):
        """Numbers of the server."""
        try:
            info = client.cache(self._env).server_info()
        except HitrateError as error:
            if not client.is_configured(self._env):
                return {"enabled": False}
            level = logging.DEBUG if isinstance(error, ServerUnavailableError) else logging.ERROR
            _logger.log(level, "Redis STATS error: %s", error)
            return {"enabled": True, "error": str(error)}
        hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
        return {
            "enabled": True,
            "total_commands": info.get("total_commands_processed", 0),
            "keyspace_hits": hits,
            "keyspace_misses": misses,
            "hit_rate": round(hits / (hits + misses) * 100, 2) if hits + misses else 0.0,
        }

    def _attempt(self, verb, otherwise, call):
        return client.attempt(verb, otherwise, call, self._env)


_service = CacheService()


def get_cache_service(env=None):
    """The one of this process; for jobs, that have no request, the one of their environment."""
    return _service if env is None else CacheService(env)


def cached(prefix, ttl=layout.DEFAULT_TTL, key_args=None):
    """
    Keep what a function returns, by its arguments; None is not kept. For methods, `hitrate.odoo.cached`.

    Arguments count by their names, however they are given: the original took no notice of those without.
    """

    def decorate(function):
        signature = inspect.signature(function)

        def key_of(args, kwargs):
            bound = signature.bind_partial(*args, **kwargs)
            return layout.cached_key(prefix, key_args, dict(bound.arguments))

        @functools.wraps(function)
        def call(*args, **kwargs):
            key = key_of(args, kwargs)
            found = _service.get(key)
            if found is not None:
                return found
            value = function(*args, **kwargs)
            if value is not None:
                _service.set(key, value, ttl)
            return value

        def invalidate(*args, **kwargs):
            if args or kwargs:
                return _service.delete(key_of(args, kwargs))
            return _service.invalidate_pattern([f"{prefix}:*", f"tenant:*:{prefix}:*"])

        call.invalidate, call.cache_prefix = invalidate, prefix
        return call

    return decorate


class CacheStrategies:
    """Keys and lifetimes of what every tenant has."""

    @staticmethod
    def get_product(tenant_id, product_id):
        """Return details of a product, or None."""
        return _service.get(layout.product_detail_key(tenant_id, product_id))

    @staticmethod
    def cache_product(tenant_id, product_id, data):
        """Store details of a product."""
        return _service.set(layout.product_detail_key(tenant_id, product_id), data, CacheTTL.PRODUCT_DETAIL)

    @staticmethod
    def cache_products_list(tenant_id, params, data):
        """Store a list of products."""
        return _service.set(layout.products_list_key(tenant_id, params), data, CacheTTL.PRODUCTS_LIST)

    @staticmethod
    def cache_categories(tenant_id, data):
        """Store all categories."""
        return _service.set(layout.categories_key(tenant_id), data, CacheTTL.CATEGORIES)

    @staticmethod
    def cache_site_config(tenant_id, data):
        """Store the configuration of a site."""
        return _service.set(layout.site_config_key(tenant_id), data, CacheTTL.SITE_CONFIG)

    @staticmethod
    def cache_dashboard_stats(tenant_id, user_id, data):
        """Store the numbers of a user's dashboard."""
        return _service.set(layout.dashboard_stats_key(tenant_id, user_id), data, CacheTTL.DASHBOARD_STATS)

    @staticmethod
    def invalidate_product(tenant_id, product_id=None):
        """Forget a product of a tenant, and all of the tenant's lists, those of the endpoint too."""
        if product_id is not None:
            _service.delete(layout.product_detail_key(tenant_id, product_id))
        products = f"tenant:{escape_glob(str(tenant_id))}:products"
        return _service.invalidate_pattern([f"{products}:list:*", f"{products}:*=*"])

    @staticmethod
    def invalidate_categories(tenant_id):
        """Forget the categories of a tenant."""
        return _service.invalidate_pattern(f"tenant:{escape_glob(str(tenant_id))}:categories:*")
