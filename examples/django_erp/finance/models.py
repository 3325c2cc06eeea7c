"""Money that employees ask for: expense requests, and advances paid before the expense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.models import TenantRow
from core.numbers import next_number
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from hr.models import Employee

ONE_CENT = Decimal("0.01")


class ExpenseStatus(models.TextChoices):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    PROCESSING = "processing"
    PAID = "paid"
    CANCELLED = "cancelled"


class ExpenseRequest(TenantRow):
    """Money back for something that was bought."""

    request_number = models.CharField(max_length=30, editable=False)
    requester = models.ForeignKey(Employee, on_delete=models.PROTECT, related_name="expense_requests", editable=False)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    expense_date = models.DateField(default=timezone.localdate)
    status = models.CharField(
        max_length=12, choices=ExpenseStatus.choices, default=ExpenseStatus.DRAFT, editable=False, db_index=True
    )
    total_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0, editable=False)
    approved_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0, editable=False)
    approved_by = models.ForeignKey(Employee, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    rejection_reason = models.TextField(blank=True, editable=False)
    payment_reference = models.CharField(max_length=100, blank=True, editable=False)
    payment_date = models.DateField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "request_number"], name="request_number_per_tenant")]

    def __str__(self) -> str:
        return self.request_number

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if not self.request_number:
                self.request_number = next_number(type(self), "request_number", "EXP", self.requester.tenant)
            super().save(*args, **options)


class ExpenseItem(TenantRow):
    """A line of an expense request."""

    expense_request = models.ForeignKey(ExpenseRequest, on_delete=models.CASCADE, related_name="items")
    category = models.CharField(max_length=60)
    description = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=14, decimal_places=2, validators=[MinValueValidator(ONE_CENT)])

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.description


class AdvanceStatus(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    DISBURSED = "disbursed"
    SETTLED = "settled"


class ExpenseAdvance(TenantRow):
    """Money in advance. Its number, and not its primary key, stands in addresses."""

    advance_number = models.CharField(max_length=30, editable=False)
    requester = models.ForeignKey(Employee, on_delete=models.PROTECT, related_name="advances", editable=False)
    purpose = models.TextField()
    amount = models.DecimalField(max_digits=14, decimal_places=2, validators=[MinValueValidator(ONE_CENT)])
    status = models.CharField(
        max_length=10, choices=AdvanceStatus.choices, default=AdvanceStatus.PENDING, editable=False
    )
    approved_by = models.ForeignKey(Employee, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    settled_amount = models.DecimalField(max_digits=14, decimal_places=2, default=0, editable=False)
    settled_on = models.DateField(null=True, editable=False)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "advance_number"], name="advance_number_per_tenant")]

    def __str__(self) -> str:
        return self.advance_number

    @property
    def balance(self) -> Decimal:
        """What is still to be accounted for."""
        return self.amount - self.settled_amount

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if not self.advance_number:
                self.advance_number = next_number(type(self), "advance_number", "ADV", self.requester.tenant)
            super().save(*args, **options)
