"""Departments and employees."""

from __future__ import annotations

from core.models import TenantRow
from django.conf import settings
from django.db import models


class Department(TenantRow):
    """A part of the organisation. Reference data: it rarely changes."""

    name = models.CharField(max_length=100)
    code = models.CharField(max_length=20)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="department_code_per_tenant")]

    def __str__(self) -> str:
        return self.name


class EmploymentType(models.TextChoices):
    PERMANENT = "permanent"
    CONTRACT = "contract"
    INTERN = "intern"


class EmploymentStatus(models.TextChoices):
    ACTIVE = "active"
    ON_LEAVE = "on_leave"
    RESIGNED = "resigned"


class Employee(TenantRow):
    """Somebody who works here. Whoever signs in to the tenant acts as one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    employee_number = models.CharField(max_length=20)
    first_name = models.CharField(max_length=60)
    last_name = models.CharField(max_length=60)
    email = models.EmailField(blank=True)
    position = models.CharField(max_length=100, blank=True)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL)
    supervisor = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="team")
    employment_type = models.CharField(max_length=12, choices=EmploymentType.choices, default=EmploymentType.PERMANENT)
    employment_status = models.CharField(
        max_length=12, choices=EmploymentStatus.choices, default=EmploymentStatus.ACTIVE, db_index=True
    )
    joined_on = models.DateField()
    salary = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    face_encoding = models.TextField(blank=True, editable=False, help_text="empty: no face is registered")

    class Meta:
        ordering = ["employee_number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "employee_number"], name="employee_number_per_tenant"),
            models.UniqueConstraint(fields=["tenant", "user"], name="one_employee_per_user_and_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"
