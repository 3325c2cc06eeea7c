"""What the tests start from: two tenants, people in one and in both, empty caches."""

# ruff: noqa: PT009  (manage.py test runs these: there a plain assert shows no values)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from core.models import Membership, Role, Tenant
from core.tenancy import acting_for
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import TransactionTestCase
from hr.models import Department, Employee
from rest_framework.test import APIClient

JOINED = date(2020, 1, 1)


class Caller:
    """Somebody who sends requests to one tenant."""

    def __init__(self, case: TransactionTestCase, user: User, tenant: Tenant) -> None:
        self.case, self.user, self.tenant = case, user, tenant
        self.client = APIClient(HTTP_X_TENANT_ID=str(tenant.pk))
        self.client.force_authenticate(user)

    def answer(self, path: str, *, status: int = 200, **options: Any) -> Any:
        """The answer to a GET, which must have this status."""
        answer = self.client.get(f"/api/v1/{path}", **options)
        self.case.assertEqual(answer.status_code, status, answer.content)
        return answer

    def get(self, path: str, *, status: int = 200, **options: Any) -> Any:
        """The parsed answer."""
        return self.answer(path, status=status, **options).json()

    def post(self, path: str, data: Any = None, *, status: int = 200) -> Any:
        return self._send("post", path, data, status)

    def patch(self, path: str, data: Any, *, status: int = 200) -> Any:
        return self._send("patch", path, data, status)

    def delete(self, path: str, *, status: int = 204) -> Any:
        return self._send("delete", path, None, status)

    def _send(self, method: str, path: str, data: Any, status: int) -> Any:
        answer = getattr(self.client, method)(f"/api/v1/{path}", data)
        self.case.assertEqual(answer.status_code, status, answer.content)
        return answer.json() if answer.content else None


def is_hit(answer: Any) -> bool:
    """Whether the cache says that it answered."""
    return "; hit" in answer.headers.get("Cache-Status", "")


class ERPTestCase(TransactionTestCase):
    """
    The tenants are `north` and `south`. In the north, `ani` and `bela` are members, `sri` is staff and `dino` the
    director; in the south `sri` is a member and `tono` is staff.

    Transactions are real, so that commits and rollbacks are what they are in use. The caches are the configured ones,
    under the configured prefixes; they are emptied before each test.
    """

    def setUp(self) -> None:
        for cache in caches.all(initialized_only=False):
            cache.clear()
        self.north = Tenant.objects.create(name="North", subdomain="north")
        self.south = Tenant.objects.create(name="South", subdomain="south")
        self.users = {name: User.objects.create_user(name) for name in ("ani", "bela", "sri", "dino", "tono")}
        self.employees: dict[tuple[str, str], Employee] = {}
        self.join(self.north, ani=Role.MEMBER, bela=Role.MEMBER, sri=Role.STAFF, dino=Role.DIRECTOR)
        self.join(self.south, sri=Role.MEMBER, tono=Role.STAFF)
        self.ani, self.bela = self.caller("ani"), self.caller("bela")
        self.sri, self.dino = self.caller("sri"), self.caller("dino")
        self.sri_south, self.tono = self.caller("sri", self.south), self.caller("tono", self.south)

    def join(self, tenant: Tenant, **roles: str) -> None:
        """Make users members of a tenant, and employees of its one department."""
        with acting_for(tenant):
            department, _ = Department.objects.get_or_create(name=f"{tenant} office", code="OFF")
            for name, role in roles.items():
                Membership.objects.create(tenant=tenant, user=self.users[name], role=role)
                self.employees[name, tenant.subdomain] = Employee.objects.create(
                    user=self.users[name],
                    employee_number=f"E-{name}",
                    first_name=name.capitalize(),
                    last_name=str(tenant),
                    department=department,
                    joined_on=JOINED,
                    salary=Decimal("7500000.00"),
                )

    def caller(self, name: str, tenant: Tenant | None = None) -> Caller:
        return Caller(self, self.users[name], tenant or self.north)

    def employee(self, name: str, tenant: str = "north") -> Employee:
        return self.employees[name, tenant]

    def make(self, model: Any, tenant: Tenant | None = None, **fields: Any) -> Any:
        """Store a row of a tenant, by default of the north."""
        with acting_for(tenant or self.north):
            return model.objects.create(**fields)

    def names(self, listing: Any, field: str = "name") -> list[Any]:
        """One field of every row of an answer."""
        return [row[field] for row in (listing["results"] if isinstance(listing, dict) else listing)]

    def assert_hit(self, caller: Caller, path: str, **options: Any) -> None:
        self.assertTrue(is_hit(caller.answer(path, **options)), f"{path} was computed for {caller.user}")

    def assert_miss(self, caller: Caller, path: str, **options: Any) -> None:
        self.assertFalse(is_hit(caller.answer(path, **options)), f"{path} was kept for {caller.user}")

    @contextmanager
    def forgotten(self, caller: Caller, *paths: str) -> Iterator[None]:
        """What happens in the block must forget these answers, which are kept before it."""
        for path in paths:
            caller.get(path)
            self.assert_hit(caller, path)
        yield
        for path in paths:
            self.assert_miss(caller, path)
