"""Two tenants out of nothing, the same for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

from assets import models as assets
from core.models import TenantRow
from crm import models as crm
from django.contrib.auth.models import User
from finance import models as finance
from hr import models as hr
from inventory import models as inventory
from procurement import models as procurement

from generator import vocabulary as words
from hitrate.django import bulk

BATCH = 500
# Fixed, not "now": a seed must give the same rows tomorrow.
TODAY = date(2026, 3, 2)

Row = TypeVar("Row", bound=TenantRow)


class TenantRows:
    """
    Makes the rows of one tenant.

    Args:
        tenant: which one; it must be the current one.
        employees: how many; everything else comes in proportion.
        advance: called with the number of rows stored since the last call.
    """

    def __init__(self, tenant: Any, employees: int, random: Random, advance: Callable[[int], None]) -> None:
        self.tenant, self.size, self.random, self.advance = tenant, employees, random, advance

    def make(self, accounts: Iterable[tuple[User, str]]) -> None:
        """Make all of it."""
        self.departments = self.insert(hr.Department(code=code, name=name) for code, name in words.DEPARTMENTS.items())
        self._employees([user for user, _ in accounts])
        self._crm()
        self._assets()
        self._stock()
        self._expenses()
        self._orders()

    def insert(self, rows: Iterable[Row]) -> list[Row]:
        """Store rows, which may be of one model only."""
        made: list[Row] = []
        listed = list(rows)
        for start in range(0, len(listed), BATCH):
            batch = listed[start : start + BATCH]
            for row in batch:
                row.tenant = self.tenant
            # Django's own bulk_create() sends no signals, and so would forget nothing.
            made += bulk.bulk_create(type(batch[0]).objects.all(), batch)
            self.advance(len(batch))
        return made

    def past(self, days: int) -> datetime:
        """A moment in the last so many days."""
        minutes = self.random.randrange(days * 24 * 60)
        return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=timezone.utc) - timedelta(minutes=minutes)

    def amount(self, lowest: int, highest: int) -> Decimal:
        """An amount of rupiah of the range, small ones more often, in thousands."""
        return Decimal(1000 * round(math.exp(self.random.uniform(math.log(lowest), math.log(highest)))))

    def _employees(self, users: list[User]) -> None:
        random = self.random
        rows = []
        for number in range(max(self.size, len(users))):
            first, last = random.choice(words.FIRST_NAMES), random.choice(words.LAST_NAMES)
            if number < len(users):
                first = users[number].first_name
            rows.append(
                hr.Employee(
                    user=users[number] if number < len(users) else None,
                    employee_number=f"E{number + 1:05}",
                    first_name=first,
                    last_name=last,
                    email=f"{first}.{last}.{number + 1}@{self.tenant.subdomain}.example".lower(),
                    position=random.choice(words.POSITIONS),
                    department=random.choice(self.departments),
                    employment_type=random.choices(hr.EmploymentType.values, [6, 3, 1])[0],
                    employment_status=random.choices(hr.EmploymentStatus.values, [18, 1, 1])[0],
                    joined_on=self.past(4000).date(),
                    salary=self.amount(4500, 45000),
                )
            )
        self.employees = self.insert(rows)
        for place, employee in enumerate(self.employees[1:], 1):
            employee.supervisor = self.employees[place // 8]
        bulk.bulk_update(hr.Employee.objects.all(), self.employees, ["supervisor"], batch_size=BATCH)

    def _crm(self) -> None:
        random = self.random
        levels = crm.AccessLevel.values
        organizations = []
        for _ in range(max(8, self.size // 2)):
            kind = random.choice(list(words.ORGANIZATION_FORMS))
            name = random.choice(words.ORGANIZATION_FORMS[kind]).format(
                " ".join(random.sample(words.ORGANIZATION_WORDS, 2))
            )
            organizations.append(
                crm.Organization(
                    name=name,
                    organization_type=kind,
                    city=random.choice(words.CITIES),
                    country="Indonesia",
                    access_level=random.choices(levels, [4, 12, 2, 1, 1])[0],
                )
            )
        self.organizations = self.insert(organizations)
        contacts = self.insert(
            crm.Contact(
                first_name=random.choice(words.FIRST_NAMES),
                last_name=random.choice(words.LAST_NAMES),
                phone=f"+62 8{random.randrange(10**9):09}",
                city=random.choice(words.CITIES),
                access_level=random.choices(levels, [4, 12, 2, 2, 1])[0],
                assigned_to=random.choice(self.employees[:20]) if random.random() < 0.4 else None,
                last_contacted_at=self.past(300) if random.random() < 0.6 else None,
            )
            for _ in range(self.size * 2)
        )
        self.insert(
            crm.JobPosition(
                contact=contact,
                organization=random.choice(self.organizations),
                title=random.choice(words.TITLES),
                is_current=place == 0,
                is_primary=place == 0,
                start_date=self.past(3000).date(),
            )
            for contact in contacts
            for place in range(random.choice((1, 1, 2)))
        )

    def _assets(self) -> None:
        random = self.random
        kinds = [(category, name) for category, names in words.ASSETS.items() for name in names]
        rows = []
        for number in range(self.size):
            category, name = random.choice(kinds)
            rows.append(
                assets.Asset(
                    code=f"AST-{number + 1:05}",
                    name=name,
                    category=category,
                    status=random.choices(assets.AssetStatus.values, [4, 10, 2, 1, 1])[0],
                    location=random.choice(words.ROOMS),
                    purchased_on=self.past(2500).date(),
                    value=self.amount(1000, 300000),
                )
            )
        owned = self.insert(rows)
        self._holders(owned)
        schedules = self.insert(
            assets.MaintenanceSchedule(
                asset=asset, title=f"Check of {asset.name}", next_due_on=TODAY + timedelta(days=random.randrange(180))
            )
            for asset in owned[::4]
        )
        self.insert(
            assets.MaintenanceRecord(
                asset=schedule.asset,
                schedule=schedule,
                title=schedule.title,
                done_on=self.past(400).date(),
                cost=self.amount(50, 4000),
            )
            for schedule in schedules
            for _ in range(2)
        )

    def _holders(self, owned: list[assets.Asset]) -> None:
        """Who has, gets and borrows the assets."""
        random, status = self.random, assets.AssetStatus
        assigned = self.insert(
            assets.AssetAssignment(asset=asset, assigned_to=random.choice(self.employees))
            for asset in owned
            if asset.status == status.ASSIGNED
        )
        self.insert(
            assets.AssetTransfer(
                asset=held.asset, from_employee=held.assigned_to, to_employee=random.choice(self.employees)
            )
            for held in assigned[::5]
        )
        self.insert(
            assets.AssetCheckout(asset=asset, checked_out_by=random.choice(self.employees[:20]), purpose="Field work")
            for asset in owned
            if asset.status == status.CHECKED_OUT
        )

    def _stock(self) -> None:
        random = self.random
        self.warehouses = self.insert(
            inventory.Warehouse(code=code, name=name, is_default=code == "HQ")
            for code, name in words.WAREHOUSES.items()
        )
        shares = [[random.randrange(60) for _ in self.warehouses] for _ in words.ARTICLES]
        self.skus = self.insert(
            inventory.SKU(
                sku_code=f"SKU-{number + 1:04}",
                name=name,
                unit_cost=self.amount(5, 900),
                minimum_stock=random.randrange(10, 100),
                current_stock=sum(shares[number]),
            )
            for number, name in enumerate(words.ARTICLES)
        )
        self.insert(
            inventory.StockRecord(sku=sku, warehouse=warehouse, quantity=quantity)
            for sku, quantities in zip(self.skus, shares, strict=True)
            for warehouse, quantity in zip(self.warehouses, quantities, strict=True)
        )

    def _expenses(self) -> None:
        random, year = self.random, TODAY.year
        requests, lines = [], []
        for number in range(self.size * 2):
            category = random.choice(list(words.EXPENSES))
            title = random.choice(words.EXPENSES[category]).format(random.choice(words.CITIES))
            amount = self.amount(50, 9000)
            status = random.choices(finance.ExpenseStatus.values, [2, 3, 3, 1, 1, 6, 1])[0]
            was_approved = status in ("approved", "processing", "paid")
            requests.append(
                finance.ExpenseRequest(
                    request_number=f"EXP-{year}-{number + 1:05}",
                    requester=random.choice(self.employees[:40]),
                    title=title,
                    expense_date=self.past(60).date(),
                    status=status,
                    total_amount=amount,
                    approved_amount=amount if was_approved else 0,
                    approved_by=self.employees[0] if was_approved else None,
                )
            )
            lines.append((category, title, amount))
        made = self.insert(requests)
        self.insert(
            finance.ExpenseItem(expense_request=request, category=category, description=title, amount=amount)
            for request, (category, title, amount) in zip(made, lines, strict=True)
        )
        self.insert(
            finance.ExpenseAdvance(
                advance_number=f"ADV-{year}-{number + 1:05}",
                requester=random.choice(self.employees[:40]),
                purpose=f"Field work in {random.choice(words.CITIES)}",
                amount=self.amount(500, 20000),
                status=random.choices(finance.AdvanceStatus.values, [3, 2, 1, 3, 4])[0],
            )
            for number in range(max(10, self.size // 2))
        )

    def _orders(self) -> None:
        random = self.random
        orders, lines = [], []
        for number in range(max(10, self.size // 4)):
            items = [(sku, random.randint(1, 40)) for sku in random.sample(self.skus, random.randint(1, 4))]
            orders.append(
                procurement.PurchaseOrder(
                    po_number=f"PO-{TODAY.year}-{number + 1:05}",
                    vendor=random.choice(self.organizations),
                    warehouse=random.choice(self.warehouses),
                    requested_by=random.choice(self.employees[:40]),
                    status=random.choice(procurement.OrderStatus.values),
                    total_amount=sum(sku.unit_cost * quantity for sku, quantity in items),
                )
            )
            lines.append(items)
        self.insert(
            procurement.POItem(purchase_order=order, sku=sku, quantity=quantity, unit_price=sku.unit_cost)
            for order, items in zip(self.insert(orders), lines, strict=True)
            for sku, quantity in items
        )
