"""warehouses, skus and purchase_orders: the rows of the table, and stock, which nobody promises from a cache."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from typing import Any

from crm.models import Organization
from inventory.models import SKU, Warehouse

from tests.erp import ERPTestCase

WAREHOUSES = "inventory/sku/warehouses/"
SKUS = "inventory/sku/skus/"
ORDERS = "procurement/po/orders/"


class SupplyTestCase(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.warehouse = self.make(Warehouse, code="HQ", name="Head office")
        self.annex = self.make(Warehouse, code="ANX", name="Annex")
        self.sku = self.make(SKU, sku_code="S-1", name="Paper", minimum_stock=5)
        self.path = f"{SKUS}{self.sku.pk}/"

    def stock(self) -> dict[str, int]:
        rows = self.ani.get(f"{self.path}stock_by_warehouse/")
        return {row["warehouse_name"]: row["quantity"] for row in rows}


class StockTests(SupplyTestCase):
    def test_the_events_of_the_table(self) -> None:
        for listing, new in ((WAREHOUSES, {"code": "W", "name": "West"}), (SKUS, {"sku_code": "S-2", "name": "Pen"})):
            with self.forgotten(self.ani, listing):
                path = f"{listing}{self.sri.post(listing, new, status=201)['id']}/"
            with self.forgotten(self.ani, listing, path):
                self.sri.patch(path, {"name": "Another"})
            with self.forgotten(self.ani, listing):
                self.sri.delete(path)
            self.ani.get(path, status=404)

    def test_stock_that_moves_shows_at_once(self) -> None:
        more = {"sku": self.sku.pk, "warehouse": self.warehouse.pk, "quantity": 10}
        with self.forgotten(self.ani, SKUS, self.path):
            self.sri.post(f"{SKUS}adjust_stock/", more)
        self.assertEqual(self.ani.get(self.path)["current_stock"], 10)
        moved = {"sku": self.sku.pk, "source": self.warehouse.pk, "target": self.annex.pk, "quantity": 4}
        self.sri.post(f"{SKUS}transfer_stock/", moved)
        self.assertEqual(self.stock(), {"Head office": 6, "Annex": 4})

    def test_stock_that_is_not_there_is_refused_as_a_whole(self) -> None:
        self.sri.post(f"{SKUS}adjust_stock/", {"sku": self.sku.pk, "warehouse": self.annex.pk, "quantity": 3})
        self.ani.get(self.path)
        moved = {"sku": self.sku.pk, "source": self.annex.pk, "target": self.warehouse.pk, "quantity": 4}
        self.sri.post(f"{SKUS}transfer_stock/", moved, status=400)
        self.assertEqual(self.stock(), {"Annex": 3})
        self.assert_hit(self.ani, self.path)

    def test_stock_levels_are_never_kept(self) -> None:
        for path in (f"{SKUS}low_stock/", f"{self.path}stock_by_warehouse/"):
            for _ in range(2):
                self.assert_miss(self.ani, path)

    def test_another_tenant_has_other_articles(self) -> None:
        self.make(SKU, self.south, sku_code="S-1", name="Rope")
        for _ in range(2):
            self.assertEqual(self.names(self.ani.get(SKUS)), ["Paper"])
            self.assertEqual(self.names(self.tono.get(SKUS)), ["Rope"])
            self.tono.get(self.path, status=404)
            self.assertEqual(self.tono.get(WAREHOUSES)["count"], 0)


class OrderTests(SupplyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.vendor = self.make(Organization, name="PT Kertas", organization_type="company")
        self.order = f"{ORDERS}{self.ani.post(ORDERS, self.new(), status=201)['id']}/"

    def new(self) -> dict[str, Any]:
        item = {"sku": self.sku.pk, "quantity": 20, "unit_price": "2.50"}
        return {"vendor": self.vendor.pk, "warehouse": self.warehouse.pk, "items": [item]}

    def test_the_events_of_the_table(self) -> None:
        with self.forgotten(self.bela, ORDERS):
            path = f"{ORDERS}{self.ani.post(ORDERS, self.new(), status=201)['id']}/"
        with self.forgotten(self.bela, ORDERS, path):
            self.ani.patch(path, {"notes": "urgent"})
        with self.forgotten(self.bela, ORDERS):
            self.ani.delete(path)
        self.bela.get(path, status=404)

    def test_every_step_shows_at_once(self) -> None:
        steps = ["submit", "approve", "send", "receive", "close"]
        for step in steps:
            with self.forgotten(self.bela, ORDERS, self.order, f"{ORDERS}statistics/"):
                self.sri.post(f"{self.order}{step}/")
        self.assertEqual(self.bela.get(self.order)["status"], "closed")
        statistics = self.bela.get(f"{ORDERS}statistics/")
        self.assertEqual((statistics["by_status"], statistics["total_amount"]), ({"closed": 1}, "50.00"))
        self.assertEqual(self.stock(), {"Head office": 20})
        self.assertEqual(self.ani.get(self.path)["current_stock"], 20)

    def test_reject_and_cancel_show_at_once(self) -> None:
        self.ani.post(f"{self.order}submit/")
        with self.forgotten(self.bela, ORDERS, self.order):
            self.sri.post(f"{self.order}reject/")
        path = f"{ORDERS}{self.ani.post(ORDERS, self.new(), status=201)['id']}/"
        with self.forgotten(self.bela, ORDERS, path):
            self.sri.post(f"{path}cancel/")

    def test_my_requests_are_everyones_own(self) -> None:
        for _ in range(2):
            self.assertEqual(len(self.ani.get(f"{ORDERS}my_requests/")), 1)
            self.assertEqual(self.bela.get(f"{ORDERS}my_requests/"), [])

    def test_the_name_of_a_line_shows_at_once(self) -> None:
        with self.forgotten(self.bela, self.order):
            self.sri.patch(self.path, {"sku_code": "S-1A"})
        self.assertEqual(self.bela.get(self.order)["items"][0]["sku_code"], "S-1A")
