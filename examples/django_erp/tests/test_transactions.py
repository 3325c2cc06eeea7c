"""What a transaction changes is forgotten when it is committed, and not before, and not when it is rolled back."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from core.tenancy import acting_for
from django.db import transaction
from hr.models import Department, Employee

from hitrate.django import bulk
from tests.erp import ERPTestCase

EMPLOYEES = "hr/employees/"


class RolledBackError(Exception):
    """Ends the block of a test."""


class TransactionTests(ERPTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"{EMPLOYEES}{self.employee('ani').pk}/"
        self.ani.get(EMPLOYEES)
        self.ani.get(self.path)

    def rename(self, name: str) -> None:
        employee = self.employee("ani")
        employee.first_name = name
        employee.save()

    def test_a_rollback_forgets_nothing(self) -> None:
        try:
            with transaction.atomic():
                self.rename("Lost")
                raise RolledBackError
        except RolledBackError:
            pass
        self.assert_hit(self.ani, EMPLOYEES)
        self.assert_hit(self.ani, self.path)
        self.assertEqual(self.ani.get(self.path)["first_name"], "Ani")

    def test_neither_does_the_rollback_of_a_savepoint(self) -> None:
        with transaction.atomic():
            try:
                with transaction.atomic():
                    self.rename("Lost")
                    raise RolledBackError
            except RolledBackError:
                self.make(Department, name="Library", code="LIB")
        self.assertEqual(self.ani.get(self.path)["first_name"], "Ani")

    def test_a_commit_forgets_after_it(self) -> None:
        with self.forgotten(self.ani, EMPLOYEES, self.path), transaction.atomic():
            self.rename("Anita")
        self.assertEqual(self.ani.get(self.path)["first_name"], "Anita")

    def test_whoever_changes_sees_the_change_and_keeps_it_for_nobody(self) -> None:
        try:
            with transaction.atomic():
                self.rename("Lost")
                self.assertEqual(self.ani.get(self.path)["first_name"], "Lost")
                raise RolledBackError
        except RolledBackError:
            self.assertEqual(self.ani.get(self.path)["first_name"], "Ani")

    def test_bulk_changes_forget_as_well(self) -> None:
        with acting_for(self.north):
            employees = Employee.objects.all()
            with self.forgotten(self.ani, EMPLOYEES, self.path):
                bulk.update(employees, position="Analyst")
            with self.forgotten(self.ani, EMPLOYEES), bulk.changing(employees):
                employees.filter(first_name="Ani").update(position="Boss")
        self.assertEqual(self.ani.get(self.path)["position"], "Boss")

    def test_the_switch_stops_answers_and_not_forgetting(self) -> None:
        with self.settings(HITRATE_ENABLED=False):
            self.assert_miss(self.ani, self.path)
            self.rename("Anita")
            self.assertEqual(self.ani.get(self.path)["first_name"], "Anita")
        self.assert_miss(self.ani, self.path)
        self.assertEqual(self.ani.get(self.path)["first_name"], "Anita")
