"""Tests as adopters write them: what they do is rolled back, and what they compute must not stay for others."""

from __future__ import annotations

from odoo.tests import TransactionCase, tagged

from hitrate.odoo import cache_of

PATTERN = "hitrate.probe.*"


@tagged("post_install", "-at_install")
class TestRolledBack(TransactionCase):
    def setUp(self):
        super().setUp()
        # As an HttpCase has it: a request that it makes gets a cursor of the test's own transaction.
        self.registry_enter_test_mode()
        self.product = self.env["product.template"].create({"name": "Lamp", "list_price": 5.0})
        self.env.flush_all()
        self.cache = cache_of(self.env)
        self.cache.invalidate(PATTERN)

    def _price(self):
        with self.registry.cursor() as cr:
            self.assertEqual(type(cr).__name__, "TestCursor")
            return self.env(cr=cr)["hitrate.probe"].price(self.product.id)

    def test_a_request_of_a_test_keeps_nothing(self):
        for price in (5.0, 6.0):
            self.product.list_price = price
            self.env.flush_all()
            self.assertEqual([self._price(), self._price()], [price, price])
        self.assertEqual(list(self.cache.keys(PATTERN)), [])

    def test_unless_it_says_that_it_wants_to(self):
        self.env["ir.config_parameter"].set_param("redis.in_tests", "1")
        self.env.flush_all()
        self.assertEqual([self._price(), self._price()], [5.0, 5.0])
        self.assertEqual(len(list(self.cache.keys(PATTERN))), 1)
        self.cache.invalidate(PATTERN)
