"""What a listing of employees can be narrowed down by."""

from __future__ import annotations

import django_filters

from hr.models import Employee


class EmployeeFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/hr/employees/``."""

    department = django_filters.NumberFilter(field_name="department_id")

    class Meta:
        model = Employee
        fields = ["department", "employment_type", "employment_status"]
