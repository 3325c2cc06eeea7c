"""The generator: two tenants, the same for the same seed."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from io import StringIO
from typing import Any

from core.models import Tenant
from crm.models import Contact
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from finance.models import ExpenseAdvance
from generator.houses import PASSWORD, expected_rows, generate, remove
from hr.models import Employee

from tests.erp import Caller, ERPTestCase


class GeneratorTests(ERPTestCase):
    def rows(self) -> list[Any]:
        people = Employee.everywhere.filter(tenant__subdomain="lembaga").order_by("employee_number")
        return list(people.values_list("first_name", "last_name", "salary", "joined_on", "supervisor__employee_number"))

    def test_a_seed_makes_the_same_rows(self) -> None:
        made = []
        for _ in range(2):
            steps: list[int] = []
            generate(12, 7, advance=steps.append)
            made.append(self.rows())
            self.assertAlmostEqual(sum(steps) / expected_rows(12), 1, delta=0.25)
            remove()
        self.assertEqual(made[0], made[1])
        self.assertEqual(len(made[0]), 12)
        self.assertEqual((Tenant.objects.count(), User.objects.count()), (2, 5))

    def test_its_people_can_sign_in_and_see_their_tenant(self) -> None:
        out = StringIO()
        call_command("generate_erp", employees=5, stdout=out)
        self.assertIn("rows in 2 tenants", out.getvalue())
        tenant = Tenant.objects.get(subdomain="yayasan")
        citra = authenticate(username="citra", password=PASSWORD)
        assert isinstance(citra, User)
        caller = Caller(self, citra, tenant)
        self.assertEqual(caller.get("auth/me/")["role"], "staff")
        self.assertEqual(caller.get("hr/employees/")["count"], 5)
        self.assertGreater(Contact.everywhere.filter(tenant=tenant).count(), 5)
        self.assertEqual(ExpenseAdvance.everywhere.filter(tenant=tenant).count(), 10)

    def test_what_it_makes_shows_in_answers_that_were_kept(self) -> None:
        generate(5, 7, advance=lambda step: None)
        tenant = Tenant.objects.get(subdomain="lembaga")
        caller = Caller(self, User.objects.get(username="dewi"), tenant)
        before = caller.get("hr/employees/")["count"]
        self.assert_hit(caller, "hr/employees/")
        remove()
        generate(6, 7, advance=lambda step: None)
        tenant = Tenant.objects.get(subdomain="lembaga")
        caller = Caller(self, User.objects.get(username="dewi"), tenant)
        self.assertEqual((before, caller.get("hr/employees/")["count"]), (5, 6))
