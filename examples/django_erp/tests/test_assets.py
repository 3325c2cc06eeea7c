"""assets, who has them, and their maintenance: six rows of the table, their events and workflow steps."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from typing import Any

from assets.models import Asset, AssetAssignment, AssetStatus

from tests.erp import ERPTestCase

ASSETS = "assets/maintenance/assets/"
SCHEDULES = "assets/maintenance/schedules/"
RECORDS = "assets/maintenance/records/"
ASSIGNMENTS = "assets/assignment/assignments/"
TRANSFERS = "assets/assignment/transfers/"
CHECKOUTS = "assets/assignment/checkouts/"


class AssetTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.asset: Asset = self.make(Asset, code="A-1", name="Laptop", category="Laptop")
        self.path = f"{ASSETS}{self.asset.pk}/"

    def of_asset(self, **fields: Any) -> dict[str, Any]:
        return {"asset": self.asset.pk, **fields}

    def events(self, listing: str, new: dict[str, Any], change: dict[str, Any]) -> None:
        """Create, change and delete a row: each forgets what shows it."""
        with self.forgotten(self.ani, listing):
            path = f"{listing}{self.sri.post(listing, new, status=201)['id']}/"
        with self.forgotten(self.ani, listing, path):
            self.sri.patch(path, change)
        with self.forgotten(self.ani, listing):
            self.sri.delete(path)
        self.ani.get(path, status=404)

    def test_the_events_of_the_table(self) -> None:
        ani, bela = self.employee("ani").pk, self.employee("bela").pk
        self.events(ASSETS, {"code": "A-2", "name": "Desk", "category": "Furniture"}, {"location": "Annex"})
        self.events(ASSIGNMENTS, self.of_asset(assigned_to=ani), {"notes": "with charger"})
        self.events(TRANSFERS, self.of_asset(from_employee=ani, to_employee=bela), {"reason": "leaves"})
        self.events(SCHEDULES, self.of_asset(title="Check", next_due_on="2026-05-01"), {"every_days": 30})
        self.events(RECORDS, self.of_asset(title="Check", done_on="2026-02-01"), {"cost": "10.00"})

    def test_another_name_of_an_asset_or_a_person_shows_where_they_are_shown(self) -> None:
        self.sri.post(ASSIGNMENTS, self.of_asset(assigned_to=self.employee("ani").pk), status=201)
        with self.forgotten(self.bela, ASSETS, ASSIGNMENTS):
            self.sri.patch(self.path, {"name": "Laptop 14"})
        with self.forgotten(self.bela, ASSIGNMENTS):
            self.sri.patch(f"hr/employees/{self.employee('ani').pk}/", {"last_name": "West"})
        (row,) = self.bela.get(ASSIGNMENTS)["results"]
        self.assertEqual((row["asset_name"], row["assigned_to_name"]), ("Laptop 14", "Ani West"))

    def test_what_is_returned_is_free_at_once(self) -> None:
        made = self.sri.post(ASSIGNMENTS, self.of_asset(assigned_to=self.employee("ani").pk), status=201)
        path = f"{ASSIGNMENTS}{made['id']}/"
        self.assertEqual(self.ani.get(self.path)["status"], AssetStatus.ASSIGNED)
        with self.forgotten(self.ani, ASSIGNMENTS, path, ASSETS, self.path, f"{ASSIGNMENTS}my_assets/"):
            self.sri.post(f"{path}return_asset/")
        self.assertEqual(self.ani.get(self.path)["status"], AssetStatus.AVAILABLE)
        self.assertEqual(self.ani.get(f"{ASSIGNMENTS}my_assets/"), [])
        self.sri.post(f"{path}return_asset/", status=400)

    def test_an_approved_transfer_shows_at_both_ends_at_once(self) -> None:
        ani, bela = self.employee("ani"), self.employee("bela")
        self.sri.post(ASSIGNMENTS, self.of_asset(assigned_to=ani.pk), status=201)
        new = self.of_asset(from_employee=ani.pk, to_employee=bela.pk)
        path = f"{TRANSFERS}{self.sri.post(TRANSFERS, new, status=201)['id']}/"
        mine = f"{ASSIGNMENTS}my_assets/"
        self.assertEqual((len(self.ani.get(mine)), len(self.bela.get(mine))), (1, 0))
        with self.forgotten(self.ani, TRANSFERS, path, ASSIGNMENTS):
            self.sri.post(f"{path}approve/")
        self.assertEqual((len(self.ani.get(mine)), len(self.bela.get(mine))), (0, 1))
        self.assertEqual(AssetAssignment.everywhere.count(), 2)
        self.sri.post(f"{path}reject/", status=400)

    def test_what_is_borrowed_and_brought_back_shows_at_once(self) -> None:
        mine = f"{CHECKOUTS}my_checkouts/"
        with self.forgotten(self.ani, CHECKOUTS, mine, ASSETS):
            made = self.ani.post(CHECKOUTS, self.of_asset(purpose="Field work"), status=201)
        self.assertEqual((len(self.ani.get(mine)), len(self.bela.get(mine))), (1, 0))
        self.bela.post(CHECKOUTS, self.of_asset(purpose="Me too"), status=400)
        with self.forgotten(self.ani, CHECKOUTS, f"{CHECKOUTS}{made['id']}/", mine, self.path):
            self.ani.post(f"{CHECKOUTS}{made['id']}/return_item/")

    def test_maintenance_that_is_done_shows_in_schedules_and_records(self) -> None:
        new = self.of_asset(title="Check", next_due_on="2020-05-01")
        path = f"{SCHEDULES}{self.sri.post(SCHEDULES, new, status=201)['id']}/"
        with self.forgotten(self.ani, SCHEDULES, path, RECORDS):
            self.sri.post(f"{path}complete/")
        self.assertEqual(self.ani.get(RECORDS)["count"], 1)
        with self.forgotten(self.ani, ASSETS, self.path):
            self.sri.post(f"{self.path}retire/")

    def test_answers_are_shared_within_a_tenant_and_not_across(self) -> None:
        self.make(Asset, self.south, code="A-1", name="Boat", category="Vehicle")
        self.assertEqual(self.names(self.ani.get(ASSETS)), ["Laptop"])
        self.assert_hit(self.dino, ASSETS)
        self.assertEqual(self.names(self.sri_south.get(ASSETS)), ["Boat"])
        self.sri_south.get(self.path, status=404)
