from __future__ import annotations

from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import TransactionCase, tagged

from hitrate.odoo import cache_of


@tagged("post_install", "-at_install")
class TestRedisCache(TransactionCase):
    def setUp(self):
        super().setUp()
        self.cache = self.env["redis.cache"]
        self.server = cache_of(self.env)
        self.server.invalidate("test:*")

    def test_values_are_stored_as_the_original_stored_them(self):
        self.assertTrue(self.cache.set("test:a", {"b": "é", "a": [1, None, 2.0]}, expire=60))
        self.assertEqual(self.server.execute("GET", "test:a"), b'{"b": "\\u00e9", "a": [1, null, 2.0]}')
        self.assertTrue(0 < self.server.ttl("test:a") <= 60)
        self.assertEqual(self.cache.get("test:a"), {"b": "é", "a": [1, None, 2.0]})

    def test_values_of_old_workers_are_read(self):
        self.server.execute("SETEX", "test:old", 60, b'{"id": 5, "name": "caf\\u00e9"}')
        self.assertEqual(self.cache.get("test:old"), {"id": 5, "name": "café"})

    def test_a_value_lives_an_hour_by_default(self):
        self.cache.set("test:hour", 1)
        self.assertTrue(3590 < self.server.ttl("test:hour") <= 3600)

    def test_lifetimes_may_be_texts_as_system_parameters_are(self):
        self.assertTrue(self.cache.set("test:text", 1, "60"))
        self.assertTrue(0 < self.server.ttl("test:text") <= 60)
        self.assertTrue(self.cache.expire("test:text", "30"))
        self.assertTrue(0 < self.server.ttl("test:text") <= 30)

    def test_what_fails_is_logged_in_the_original_s_words_and_raises_nothing(self):
        self.server.execute("RPUSH", "test:list", "a")
        calls = {
            "GET": lambda: self.cache.get("test:list"),
            "SET": lambda: self.cache.set("test:a", 1, "soon"),
            "INCR": lambda: self.cache.incr("test:list"),
            "EXPIRE": lambda: self.cache.expire("test:list", "soon"),
            "DELETE PATTERN": lambda: self.cache.delete_pattern("\ud800"),
        }
        for verb, call in calls.items():
            with self.assertLogs("odoo.addons.quelyos_ecommerce_cache.models.redis_cache", "ERROR") as said:
                self.assertIn(call(), (None, False), verb)
            self.assertEqual(len(said.output), 1)
            self.assertIn(f"Redis {verb} error: ", said.output[0])

    def test_missing_values_are_none(self):
        self.assertIsNone(self.cache.get("test:none"))
        self.assertFalse(self.cache.exists("test:none"))
        self.assertTrue(self.cache.delete("test:none"))

    def test_counters_and_lifetimes(self):
        self.assertEqual([self.cache.incr("test:n"), self.cache.incr("test:n", 4)], [1, 5])
        self.assertTrue(self.cache.expire("test:n", 10))
        self.assertFalse(self.cache.expire("test:none", 10))
        self.assertTrue(self.cache.exists("test:n"))

    def test_patterns_delete_what_they_match(self):
        for key in ("test:p:1", "test:p:2", "test:q"):
            self.cache.set(key, 1)
        self.assertTrue(self.cache.delete_pattern("test:p:*"))
        self.assertEqual([self.cache.exists(key) for key in ("test:p:1", "test:p:2", "test:q")], [False, False, True])

    def test_flushing_leaves_other_keys_alone(self):
        self.cache.set("product:api:1", 1)
        self.cache.set("test:other", 1)
        self.assertTrue(self.cache.flush_all())
        self.assertEqual([self.cache.exists("product:api:1"), self.cache.exists("test:other")], [False, True])

    def test_no_method_is_callable_over_rpc(self):
        for method in ("get", "set", "delete", "delete_pattern", "exists", "incr", "expire", "flush_all"):
            with self.assertRaises(AccessError):
                call_kw(self.cache, method, ["k"], {})

    def test_recordsets_still_know_whether_they_exist(self):
        self.assertFalse(self.cache.exists())
        self.assertTrue(self.env.user.exists())
