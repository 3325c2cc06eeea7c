from __future__ import annotations

import logging
import os
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from hitrate.odoo import cache_of

from ..controllers.products import Products
from ..lib import client
from ..lib.cache import CacheStrategies, CacheTTL, cached, get_cache_service


@tagged("post_install", "-at_install")
class TestCacheService(TransactionCase):
    def setUp(self):
        super().setUp()
        self.service = get_cache_service(self.env)
        self.server = client.cache(self.env)
        self.server.invalidate(["test:*", "tenant:*", "config:*"])

    def _keys(self, pattern):
        return sorted(self.server.keys(pattern))

    def test_values_are_utf8_json(self):
        self.assertTrue(self.service.set("test:a", {"name": "café ✓"}, ttl=60))
        self.assertEqual(self.server.execute("GET", "test:a"), '{"name": "café ✓"}'.encode())
        self.assertEqual(self.service.get("test:a"), {"name": "café ✓"})
        self.assertTrue(self.service.delete("test:a"))
        self.assertIsNone(self.service.get("test:a"))

    def test_it_says_what_it_does_in_the_original_s_words(self):
        with self.assertLogs("odoo.addons.quelyos_api_cache.lib.cache", "DEBUG") as said:
            self.service.get("test:a")
            self.service.set("test:a", 1, ttl="60")
            self.service.get("test:a")
            self.service.delete("test:a")
            self.service.set("test:b", 1)
            self.service.invalidate_pattern("test:*")
        self.assertEqual(
            [(line.levelname, line.getMessage()) for line in said.records],
            [
                ("DEBUG", "❌ Cache MISS: test:a"),
                ("DEBUG", "✅ Cache SET: test:a (TTL: 60s)"),
                ("DEBUG", "✅ Cache HIT: test:a"),
                ("DEBUG", "✅ Cache DELETE: test:a"),
                ("DEBUG", "✅ Cache SET: test:b (TTL: 300s)"),
                ("INFO", "✅ Cache invalidated: 1 keys (test:*)"),
            ],
        )
        self.assertEqual(self._keys("test:*"), [])

    def test_when_it_is_loaded_it_says_where_redis_is(self):
        # By number: Odoo gives another level this name.
        with self.assertLogs("odoo.addons.quelyos_api_cache.lib.client", logging.INFO) as said:
            client.say_whether_connected(self.env)
        address = "{REDIS_HOST}:{REDIS_PORT}".format(**os.environ)
        self.assertEqual(
            [line.getMessage() for line in said.records],
            [f"Redis connected successfully at {address}", f"✅ Redis cache enabled ({address})"],
        )

    def test_the_list_needs_no_cursor_that_writes(self):
        for method in (Products.products, Products.product):
            self.assertTrue(method.original_routing["readonly"])

    def test_what_it_cannot_hold_is_not_stored(self):
        with self.assertLogs("odoo.addons.quelyos_api_cache.lib.client", "ERROR"):
            for value in (object(), {1j}):
                self.assertFalse(self.service.set("test:a", value))
            self.assertFalse(self.service.set("test:a", 1, ttl=0))
        self.assertIsNone(self.service.get("test:a"))

    def test_outside_of_a_request_the_environment_says_where_redis_is(self):
        self.assertTrue(get_cache_service().set("test:a", 1, ttl=60))
        self.assertEqual(self.service.get("test:a"), 1)

    def test_values_and_answers_share_a_client_and_limits_have_a_database_of_their_own(self):
        self.assertIs(client.cache(self.env), cache_of(self.env))
        self.assertIsNot(client.limits(self.env), cache_of(self.env))
        with patch.dict("os.environ", REDIS_RATE_LIMIT_DB="0"):
            self.assertIs(client.limits(self.env), cache_of(self.env))

    def test_the_service_is_enabled_while_the_server_answers(self):
        self.assertTrue(self.service.enabled)
        stats = self.service.get_stats()
        wanted = ["enabled", "hit_rate", "keyspace_hits", "keyspace_misses", "total_commands"]
        self.assertEqual(sorted(stats), wanted)

    def test_keys_are_the_layouts(self):
        self.assertEqual(self.service._generate_key("products", limit=12, page=None), "products:limit=12:e19e66f4")
        self.assertEqual(self.service._generate_key("products"), "products:all:d41d8cd9")
        self.assertTrue(self.service._generate_key("products", tenant_id=7).startswith("tenant:7:products:all:"))

    def test_lifetimes(self):
        wanted = (300, 600, 3600, 1800, 900, 300, 3600, 180, 1800, 60, 300)
        names = (
            "PRODUCTS_LIST PRODUCT_DETAIL CATEGORIES STATIC_PAGES USER_SESSION CART SITE_CONFIG SEARCH_RESULTS "
            "PRICELISTS STOCK_SUMMARY DASHBOARD_STATS"
        ).split()
        self.assertEqual(tuple(getattr(CacheTTL, name) for name in names), wanted)

    def test_strategies_store_and_forget_by_tenant(self):
        for tenant in (1, 2):
            CacheStrategies.cache_product(tenant, 5, {"id": 5})
            CacheStrategies.cache_products_list(tenant, {"limit": 2}, [1])
            CacheStrategies.cache_categories(tenant, ["a"])
            CacheStrategies.cache_site_config(tenant, {"a": 1})
            CacheStrategies.cache_dashboard_stats(tenant, 9, {"a": 1})
            self.service.set(self.service._generate_key("products", tenant_id=tenant, limit=20), [1])
        self.assertEqual(CacheStrategies.get_product(1, 5), {"id": 5})
        self.assertTrue(595 < self.server.ttl("tenant:1:products:detail:5") <= 600)
        CacheStrategies.invalidate_product(1, 5)
        self.assertEqual(self._keys("tenant:1:products:*"), [])
        self.assertEqual(len(self._keys("tenant:2:products:*")), 3)
        CacheStrategies.invalidate_categories(2)
        self.assertEqual(self._keys("tenant:*:categories:*"), ["tenant:1:categories:all"])
        self.assertEqual(self._keys("config:tenant:*"), ["config:tenant:1", "config:tenant:2"])

    def test_a_tenant_that_is_a_pattern_forgets_nothing_of_others(self):
        CacheStrategies.cache_product(1, 5, {"id": 5})
        CacheStrategies.cache_categories(1, ["a"])
        CacheStrategies.invalidate_categories("*")
        CacheStrategies.invalidate_product("*", 5)
        self.assertEqual(len(self._keys("tenant:1:*")), 2)

    def test_cached_counts_arguments_however_they_are_given(self):
        calls = []

        @cached("test:f", ttl=60)
        def double(number, plus=0):
            calls.append(number)
            return number * 2 + plus if number else None

        self.assertEqual([double(2), double(number=2), double(2, plus=1), double(3)], [4, 4, 5, 6])
        self.assertEqual(calls, [2, 2, 3])
        self.assertEqual([double(0), double(0)], [None, None])
        self.assertEqual(calls[3:], [0, 0])
        self.assertTrue(double.invalidate(2))
        double(2)
        self.assertEqual(calls[5:], [2])
        self.assertTrue(double.invalidate())
        self.assertEqual(self._keys("test:f:*"), [])
