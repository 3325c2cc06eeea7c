from __future__ import annotations

from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestEndpoints(HttpCase):
    def _call(self, path, **params):
        return self.url_open(path, json={"jsonrpc": "2.0", "method": "call", "params": params}).json()["result"]

    def test_a_demo_of_refusals(self):
        self.assertEqual(
            self._call("/api/ecommerce/products/999999/cached"), {"success": False, "error": "Product not found"}
        )
        self.authenticate("portal_of_cache", "portal_of_cache")
        for name in ("stats", "clear", "warmup"):
            answer = self._call(f"/api/ecommerce/cache/{name}")
            self.assertEqual(answer, {"success": False, "error": "Unauthorized"})

    def setUp(self):
        super().setUp()
        group = self.env.ref("base.group_portal")
        values = {"name": "Portal", "login": "portal_of_cache", "password": "portal_of_cache"}
        self.env["res.users"].create({**values, "group_ids": [(6, 0, group.ids)]})
