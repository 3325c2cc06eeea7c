"""The first page: numbers of the tenant for everyone, amounts for staff, one's own work for oneself."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from typing import Any

from assets.models import Asset
from finance.models import AdvanceStatus, ExpenseAdvance, ExpenseRequest
from inventory.models import SKU

from tests.erp import ERPTestCase

OVERVIEW = "analytics/dashboard/organization_overview/"
MONEY = "analytics/dashboard/finance_overview/"
WORK = "analytics/dashboard/my_work/"


class DashboardTests(ERPTestCase):
    def request_of(self, name: str, **fields: Any) -> ExpenseRequest:
        made: ExpenseRequest = self.make(ExpenseRequest, requester=self.employee(name), title="Train", **fields)
        return made

    def test_numbers_of_a_tenant_are_one_answer_for_its_members_and_none_for_others(self) -> None:
        self.make(Asset, code="A-1", name="Laptop", category="Laptop")
        for _ in range(2):
            self.assertEqual(self.ani.get(OVERVIEW)["total_employees"], 4)
            self.assertEqual(self.ani.get(OVERVIEW)["assets_by_status"], {"available": 1})
            self.assertEqual(self.tono.get(OVERVIEW)["total_employees"], 2)
            self.assertEqual(self.tono.get(OVERVIEW)["assets_by_status"], {})
        self.assert_hit(self.dino, OVERVIEW)

    def test_every_change_that_a_number_counts_shows_at_once(self) -> None:
        with self.forgotten(self.ani, OVERVIEW):
            self.make(SKU, sku_code="S-1", name="Paper", minimum_stock=5)
        self.assertEqual(self.ani.get(OVERVIEW)["low_stock"], 1)
        with self.forgotten(self.ani, OVERVIEW):
            self.sri.delete(f"hr/employees/{self.employee('bela').pk}/")
        self.assertEqual(self.ani.get(OVERVIEW)["total_employees"], 3)

    def test_amounts_are_for_staff_although_they_are_kept(self) -> None:
        self.request_of("ani", total_amount=150)
        for _ in range(2):
            self.assertEqual(self.sri.get(MONEY)["requested"], "150.00")
            self.ani.get(MONEY, status=403)
            self.assertEqual(self.tono.get(MONEY)["requested"], "0.00")
            self.sri_south.get(MONEY, status=403)

    def test_work_is_everyones_own(self) -> None:
        self.request_of("ani")
        advance = {"purpose": "Books", "amount": 1, "status": AdvanceStatus.DISBURSED}
        self.make(ExpenseAdvance, requester=self.employee("bela"), **advance)
        for _ in range(2):
            ani, bela, south = (caller.get(WORK) for caller in (self.ani, self.bela, self.sri_south))
            self.assertEqual((ani["draft_requests"], ani["unsettled_advances"]), (1, 0))
            self.assertEqual((bela["draft_requests"], bela["unsettled_advances"]), (0, 1))
            self.assertEqual(set(south.values()), {0})
        with self.forgotten(self.ani, WORK):
            self.request_of("ani")
        self.assertEqual(self.ani.get(WORK)["draft_requests"], 2)
