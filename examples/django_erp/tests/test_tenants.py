"""A request sees the rows of its tenant, and only its members are let in: from the database and from the cache."""

# ruff: noqa: PT009, PT027  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from core.models import Membership, Role
from core.tenancy import acting_for
from crm.models import Contact
from hr.models import Department, Employee
from rest_framework.test import APIClient

from tests.erp import ERPTestCase

EMPLOYEES = "hr/employees/"


class TenantTests(ERPTestCase):
    def test_two_tenants_get_their_own_rows_at_the_same_address(self) -> None:
        for _ in range(2):
            self.assertEqual(self.sri.get(EMPLOYEES)["count"], 4)
            self.assertEqual(self.sri_south.get(EMPLOYEES)["count"], 2)
            self.assertEqual(self.names(self.sri.get("organization/departments/")), ["North office"])
            self.assertEqual(self.names(self.sri_south.get("organization/departments/")), ["South office"])

    def test_one_user_with_one_role_in_two_tenants_has_answers_of_each(self) -> None:
        self.join(self.south, dino=Role.DIRECTOR)
        self.make(Contact, first_name="Only", last_name="North")
        callers = {"north": self.dino, "south": self.caller("dino", self.south)}
        for path, model in (("admin-ops/crm/contacts/", Contact), (EMPLOYEES, Employee)):
            counts = {}
            for name, caller in callers.items():
                with acting_for(caller.tenant):
                    counts[name] = model.objects.count()
                self.assertEqual(caller.get(path)["count"], counts[name])
            self.assertNotEqual(counts["north"], counts["south"])
            for caller in callers.values():
                self.assert_hit(caller, path)
            self.assertEqual({name: caller.get(path)["count"] for name, caller in callers.items()}, counts)

    def test_a_row_of_another_tenant_is_not_found(self) -> None:
        theirs = f"{EMPLOYEES}{self.employee('tono', 'south').pk}/"
        self.tono.get(theirs)
        for caller in (self.sri, self.dino):
            caller.get(theirs, status=404)

    def test_a_row_of_another_tenant_cannot_be_referred_to(self) -> None:
        theirs = self.employee("tono", "south").pk
        refused = self.sri.patch(f"{EMPLOYEES}{self.employee('ani').pk}/", {"supervisor": theirs}, status=400)
        self.assertIn("supervisor", refused)

    def test_strangers_are_refused_although_the_answer_is_kept(self) -> None:
        self.tono.get(EMPLOYEES)
        self.caller("ani", self.south).get(EMPLOYEES, status=403)
        anonymous = APIClient(HTTP_X_TENANT_ID=str(self.south.pk))
        self.assertEqual(anonymous.get(f"/api/v1/{EMPLOYEES}").status_code, 403)

    def test_whoever_leaves_is_out_at_once(self) -> None:
        self.ani.get(EMPLOYEES)
        Membership.objects.filter(user=self.users["ani"]).delete()
        self.ani.get(EMPLOYEES, status=403)

    def test_without_a_tenant_there_is_nothing(self) -> None:
        client = APIClient()
        client.force_authenticate(self.users["sri"])
        for headers in ({}, {"X-Tenant-ID": "999"}, {"X-Tenant-ID": "x"}, {"X-Tenant-ID": "9" * 40}):
            self.assertEqual(client.get(f"/api/v1/{EMPLOYEES}", headers=headers).status_code, 403, headers)
        self.assertEqual(Employee.objects.count(), 0)
        with self.assertRaisesRegex(ValueError, "no tenant for a new department"):
            Department.objects.create(name="Lost", code="L")

    def test_the_host_name_names_the_tenant_and_wins_over_the_header(self) -> None:
        for _ in range(2):
            for host, count in (("north.localhost", 4), ("south.localhost:8000", 2)):
                listed = self.sri.get(EMPLOYEES, headers={"host": host})
                self.assertEqual(listed["count"], count, host)
        self.sri.get(EMPLOYEES, headers={"host": "west.localhost"}, status=403)

    def test_an_inactive_tenant_is_closed(self) -> None:
        self.ani.get(EMPLOYEES)
        self.north.is_active = False
        self.north.save()
        self.ani.get(EMPLOYEES, status=403)

    def test_the_tenant_of_a_block_ends_with_it(self) -> None:
        with acting_for(self.north):
            with acting_for(self.south):
                self.assertEqual(Employee.objects.count(), 2)
            self.assertEqual(Employee.objects.count(), 4)

    def test_caches_on_the_way_are_told_of_the_header(self) -> None:
        self.assertIn("X-Tenant-ID", self.sri.answer(EMPLOYEES).headers["Vary"])
