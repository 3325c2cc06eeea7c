"""Every row of the layout's table stands under its prefix, lives as long as it says, and is cleared by its patterns."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from assets.models import Asset, AssetAssignment, AssetCheckout, AssetTransfer, MaintenanceRecord, MaintenanceSchedule
from crm.models import Contact, JobPosition, Organization
from django.core.cache import cache
from finance.models import ExpenseAdvance, ExpenseRequest
from inventory.models import SKU, Warehouse
from procurement.models import PurchaseOrder

from hitrate.django import invalidate_cache
from hitrate.layouts import nalar
from tests.erp import JOINED, ERPTestCase

# Where the answers of each row are found.
ADDRESSES = {
    "employees": "hr/employees/",
    "crm_organizations": "admin-ops/crm/organizations/",
    "crm_contacts": "admin-ops/crm/contacts/",
    "crm_positions": "admin-ops/crm/positions/",
    "asset_assignments": "assets/assignment/assignments/",
    "asset_transfers": "assets/assignment/transfers/",
    "asset_checkouts": "assets/assignment/checkouts/",
    "assets": "assets/maintenance/assets/",
    "maintenance_schedules": "assets/maintenance/schedules/",
    "maintenance_records": "assets/maintenance/records/",
    "expense_requests": "finance/expenses/requests/",
    "expense_advances": "finance/expenses/advances/",
    "warehouses": "inventory/sku/warehouses/",
    "skus": "inventory/sku/skus/",
    "purchase_orders": "procurement/po/orders/",
}


class EntryTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        ani, bela = self.employee("ani"), self.employee("bela")
        asset = self.make(Asset, code="A-1", name="Laptop", category="Laptop")
        organization = self.make(Organization, name="PT Kertas", organization_type="company")
        contact = self.make(Contact, first_name="C", last_name="D")
        warehouse = self.make(Warehouse, code="HQ", name="Head office")
        rows = {
            "employees": ani,
            "crm_organizations": organization,
            "crm_contacts": contact,
            "crm_positions": self.make(JobPosition, contact=contact, organization=organization, title="Editor"),
            "asset_assignments": self.make(AssetAssignment, asset=asset, assigned_to=ani),
            "asset_transfers": self.make(AssetTransfer, asset=asset, from_employee=ani, to_employee=bela),
            "asset_checkouts": self.make(AssetCheckout, asset=asset, checked_out_by=ani, purpose="Field work"),
            "assets": asset,
            "maintenance_schedules": self.make(MaintenanceSchedule, asset=asset, title="Check", next_due_on=JOINED),
            "maintenance_records": self.make(MaintenanceRecord, asset=asset, title="Check", done_on=JOINED),
            "expense_requests": self.make(ExpenseRequest, requester=ani, title="Train"),
            "warehouses": warehouse,
            "skus": self.make(SKU, sku_code="S-1", name="Paper"),
            "purchase_orders": self.make(PurchaseOrder, vendor=organization, warehouse=warehouse, requested_by=ani),
        }
        advance = self.make(ExpenseAdvance, requester=ani, purpose="Books", amount=1)
        self.places = {name: f"{ADDRESSES[name]}{row.pk}/" for name, row in rows.items()}
        self.places["expense_advances"] = f"{ADDRESSES['expense_advances']}{advance.advance_number}/"

    def entries(self) -> Iterator[tuple[str, str, int, str]]:
        """Prefix, name of the view method, lifetime and address of every entry of the layout."""
        plural = ""
        for entry in nalar.ENTRIES:
            prefix, function = entry.key.split(":")[:2]
            # Details follow the listing that they belong to.
            plural = prefix if function == "list" else plural
            yield prefix, function, entry.ttl, ADDRESSES[plural] if function == "list" else self.places[plural]

    def test_every_entry_stands_under_its_prefix_and_lives_as_long_as_the_table_says(self) -> None:
        seen = 0
        for prefix, function, ttl, path in self.entries():
            with self.subTest(prefix):
                self.assert_miss(self.ani, path)
                (key,) = cast(Any, cache).keys(f"{prefix}:{function}:*")
                self.assertTrue(key.endswith(":h1"), key)
                left = re.search(r"ttl=(\d+)", self.ani.answer(path).headers["Cache-Status"])
                # A twentieth is taken off at random, so that what was filled together does not expire together.
                self.assertIn(int(left[1]) if left else None, range(int(ttl * 0.95) - 2, ttl + 1))
                seen += 1
        self.assertEqual(seen, 2 * len(ADDRESSES) - 1)

    def test_the_patterns_of_the_original_clear_every_entry(self) -> None:
        for prefix, _, _, path in self.entries():
            with self.subTest(prefix), self.forgotten(self.ani, path):
                self.assertEqual(invalidate_cache(f"{prefix}:*"), 1)

    def test_a_hit_asks_the_database_only_who_is_there(self) -> None:
        for _, _, _, path in self.entries():
            self.ani.get(path)
            # The tenant, and the role of the user in it.
            with self.subTest(path), self.assertNumQueries(2):
                self.ani.get(path)
