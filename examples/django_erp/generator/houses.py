"""The tenants, the people who sign in, and their rows."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from core.models import Membership, Tenant
from core.tenancy import acting_for
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction

from generator.rows import TenantRows
from generator.vocabulary import HOUSES, House

PASSWORD = "nalar-demo"


@transaction.atomic
def generate(employees: int, seed: int, *, advance: Callable[[int], None]) -> list[Tenant]:
    """
    Make two tenants and their rows.

    Args:
        employees: how many in each; everything else comes in proportion.
        seed: the same seed gives the same rows.
        advance: called with the number of rows that have been stored since the last call.
    """
    return [_make(house, employees, Random(f"{seed} {house.subdomain}"), advance) for house in HOUSES]


@transaction.atomic
def remove() -> None:
    """Delete what `generate` made, and no other tenant."""
    names = [name for house in HOUSES for name, _ in house.accounts]
    for tenant in Tenant.objects.filter(subdomain__in=[house.subdomain for house in HOUSES]):
        _delete_rows(tenant)
    User.objects.filter(username__in=names).delete()


def expected_rows(employees: int) -> int:
    """About how many rows `generate` makes, for a progress bar."""
    return len(HOUSES) * (employees * 14 + 150)


def _make(house: House, employees: int, random: Random, advance: Callable[[int], None]) -> Tenant:
    tenant = Tenant.objects.create(name=house.name, subdomain=house.subdomain)
    accounts = []
    password = make_password(PASSWORD)
    for name, role in house.accounts:
        defaults = {"first_name": name.capitalize(), "password": password}
        user, _ = User.objects.get_or_create(username=name, defaults=defaults)
        Membership.objects.create(tenant=tenant, user=user, role=role)
        accounts.append((user, role))
    with acting_for(tenant):
        TenantRows(tenant, employees, random, advance).make(accounts)
    return tenant


def _delete_rows(tenant: Tenant) -> None:
    """Delete a tenant: what is protected first."""
    from finance.models import ExpenseAdvance, ExpenseRequest
    from procurement.models import PurchaseOrder

    for model in (PurchaseOrder, ExpenseRequest, ExpenseAdvance):
        model.everywhere.filter(tenant=tenant).delete()
    tenant.delete()
