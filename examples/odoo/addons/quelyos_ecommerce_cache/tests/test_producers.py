from __future__ import annotations

from datetime import timedelta

from odoo import fields
from odoo.tests import TransactionCase, tagged

from ..controllers.asked import page


@tagged("post_install", "-at_install")
class TestCatalogue(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = cls.env["product.public.category"].create({"name": "Moons"})
        common = {"sale_ok": True, "is_published": True, "public_categ_ids": [(6, 0, cls.category.ids)], "taxes_id": []}
        cls.products = cls.env["product.template"].create(
            [{"name": f"Moon {number}", "list_price": 10.0 * number, **common} for number in (1, 2, 3)]
        )
        cls.catalogue = cls.env["ecommerce.catalogue"]
        cls.filters = {"category_id": cls.category.id}

    def _names(self, **params):
        return [card["name"] for card in self.catalogue._list(filters=self.filters, **params)["products"]]

    def test_lists_are_paged_and_sorted(self):
        self.assertEqual(self._names(limit=2), ["Moon 1", "Moon 2"])
        self.assertEqual(self._names(limit=2, offset=2), ["Moon 3"])
        self.assertEqual(self._names(sort="price_desc"), ["Moon 3", "Moon 2", "Moon 1"])
        asked = page({"sort": "list_price; DROP TABLE", "limit": 10_000})
        self.assertEqual(self._names(**asked), ["Moon 1", "Moon 2", "Moon 3"])
        self.assertEqual(self.catalogue._list(**asked)["limit"], 100)

    def test_filters_narrow_the_list(self):
        for filters, names in (
            ({"price_min": 15}, ["Moon 2", "Moon 3"]),
            ({"price_max": 15}, ["Moon 1"]),
            ({"search": "moon 2"}, ["Moon 2"]),
        ):
            found = self.catalogue._list(filters={**self.filters, **filters})["products"]
            self.assertEqual([card["name"] for card in found], names)

    def test_hidden_products_are_nowhere(self):
        hidden = self.products[0]
        for name in ("active", "sale_ok", "is_published"):
            hidden[name] = False
            self.assertEqual(self._names(), ["Moon 2", "Moon 3"])
            self.assertIsNone(self.catalogue._details(hidden.id))
            self.assertIsNone(self.catalogue._seo(hidden.id))
            self.assertIsNone(self.catalogue._recommendations(hidden.id, 4))
            self.assertNotIn("Moon 1", [found["name"] for found in self.catalogue._search_products("moon", 10)])
            self.assertEqual(self.catalogue._facets(self.filters)["total"], 2)
            hidden[name] = True

    def test_facets_count(self):
        found = self.catalogue._facets(self.filters)
        self.assertEqual(found["categories"], [{"id": self.category.id, "name": "Moons", "count": 3}])
        self.assertEqual(found["price"], {"min": 10.0, "max": 30.0})

    def test_recommendations_begin_with_the_chosen_ones(self):
        first, second, third = self.products
        first.alternative_product_ids = third
        self.assertEqual([card["id"] for card in self.catalogue._recommendations(first.id, 4)], [third.id, second.id])

    def test_seo_has_structured_data(self):
        self.products[0].website_meta_title = "A moon"
        found = self.catalogue._seo(self.products[0].id)
        self.assertEqual((found["meta_title"], found["structured_data"]["@type"]), ("A moon", "Product"))

    def test_analytics_count_confirmed_orders_of_the_companies_at_hand(self):
        before = self.catalogue._analytics(30)
        line = {"product_id": self.products[0].product_variant_id.id, "product_uom_qty": 2}
        order = self.env["sale.order"].create({"partner_id": self.env.user.partner_id.id, "order_line": [(0, 0, line)]})
        self.assertEqual(self.catalogue._analytics(30)["orders"], before["orders"])
        order.action_confirm()
        self.assertEqual(self.catalogue._analytics(30)["orders"], before["orders"] + 1)
        order.date_order = fields.Datetime.now() - timedelta(days=40)
        self.assertEqual(self.catalogue._analytics(30)["orders"], before["orders"])

    def test_a_test_computes_with_its_own_data_and_keeps_nothing(self):
        producer = self.env["ecommerce.producer"]
        for name in ("Phobos", "Deimos"):
            self.products[0].name = name
            found = producer._details(self.products[0].id)
            self.assertEqual((found.value["name"], found.was_cached), (name, False))
