"""Things the organisation owns, who has them, and their maintenance."""

from __future__ import annotations

from core.models import TenantRow
from django.db import models
from hr.models import Employee


class AssetStatus(models.TextChoices):
    AVAILABLE = "available"
    ASSIGNED = "assigned"
    CHECKED_OUT = "checked_out"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


class Asset(TenantRow):
    """A laptop, a vehicle, a projector."""

    code = models.CharField(max_length=30)
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=60)
    status = models.CharField(max_length=12, choices=AssetStatus.choices, default=AssetStatus.AVAILABLE, db_index=True)
    location = models.CharField(max_length=100, blank=True)
    purchased_on = models.DateField(null=True, blank=True)
    value = models.DecimalField(max_digits=14, decimal_places=2, default=0)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="asset_code_per_tenant")]

    def __str__(self) -> str:
        return self.name


class AssignmentStatus(models.TextChoices):
    ACTIVE = "active"
    RETURNED = "returned"


class AssetAssignment(TenantRow):
    """An asset that somebody has until they return it."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="assignments")
    assigned_to = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="assignments")
    status = models.CharField(max_length=10, choices=AssignmentStatus.choices, default=AssignmentStatus.ACTIVE)
    due_on = models.DateField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True, editable=False)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"assignment {self.pk}"


class TransferStatus(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class AssetTransfer(TenantRow):
    """An asset that goes from one employee to another, once staff approves."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="transfers")
    from_employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+")
    to_employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=10, choices=TransferStatus.choices, default=TransferStatus.PENDING)
    decided_by = models.ForeignKey(Employee, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"transfer {self.pk}"


class CheckoutStatus(models.TextChoices):
    OUT = "out"
    RETURNED = "returned"


class AssetCheckout(TenantRow):
    """An asset that is lent for hours or days."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="checkouts")
    checked_out_by = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="checkouts")
    status = models.CharField(max_length=10, choices=CheckoutStatus.choices, default=CheckoutStatus.OUT)
    purpose = models.CharField(max_length=200)
    due_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"checkout {self.pk}"


class MaintenanceSchedule(TenantRow):
    """Maintenance that comes again every so many days."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="schedules")
    title = models.CharField(max_length=120)
    every_days = models.PositiveSmallIntegerField(default=180)
    next_due_on = models.DateField()
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["next_due_on", "id"]

    def __str__(self) -> str:
        return self.title


class MaintenanceRecord(TenantRow):
    """Maintenance that was done."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="records")
    schedule = models.ForeignKey(
        MaintenanceSchedule, null=True, blank=True, on_delete=models.SET_NULL, related_name="records"
    )
    title = models.CharField(max_length=120)
    done_on = models.DateField()
    cost = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["-done_on", "-id"]

    def __str__(self) -> str:
        return self.title
