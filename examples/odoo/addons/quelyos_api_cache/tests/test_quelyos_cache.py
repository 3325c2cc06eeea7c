from __future__ import annotations

from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import TransactionCase, tagged

from ..lib import client


@tagged("post_install", "-at_install")
class TestQuelyosCache(TransactionCase):
    def setUp(self):
        super().setUp()
        self.cache = self.env["quelyos.cache"]
        self.server = client.cache(self.env)
        self.server.invalidate(["test:*", "sitemap_data_cache"])

    def test_bytes_come_back_as_they_are(self):
        self.assertTrue(self.cache.set("test:a", b"\x00caf\xc3\xa9", 60))
        self.assertEqual(self.cache.get("test:a"), b"\x00caf\xc3\xa9")
        self.assertTrue(0 < self.server.ttl("test:a") <= 60)
        self.assertTrue(self.cache.exists("test:a"))
        self.assertTrue(self.cache.delete("test:a"))
        self.assertIsNone(self.cache.get("test:a"))
        self.assertFalse(self.cache.exists("test:a"))

    def test_without_a_lifetime_a_value_stays(self):
        for ttl in (None, 0):
            self.assertTrue(self.cache.set("test:a", "1", ttl))
            self.assertIsNone(self.server.ttl("test:a"))

    def test_json_is_stored_as_the_original_stored_it(self):
        self.assertTrue(self.cache.set_json("sitemap_data_cache", {"b": "é", "a": [1, None]}, 300))
        self.assertEqual(self.server.execute("GET", "sitemap_data_cache"), b'{"b": "\\u00e9", "a": [1, null]}')
        self.assertEqual(self.cache.get_json("sitemap_data_cache"), {"b": "é", "a": [1, None]})
        self.assertTrue(290 < self.server.ttl("sitemap_data_cache") <= 300)

    def test_what_is_no_json_is_none_and_what_json_cannot_hold_is_not_stored(self):
        self.cache.set("test:a", "{", 60)
        self.assertIsNone(self.cache.get_json("test:a"))
        with self.assertLogs("odoo.addons.quelyos_api_cache.lib.client", "ERROR"):
            self.assertFalse(self.cache.set_json("test:b", object(), 60))
        self.assertFalse(self.cache.exists("test:b"))

    def test_no_method_is_callable_over_rpc(self):
        for method in ("get", "set", "delete", "exists", "get_json", "set_json"):
            with self.assertRaises(AccessError):
                call_kw(self.cache, method, ["k"], {})
