"""As which employee a user acts."""

from __future__ import annotations

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from hr.models import Employee


def employee_of(request: Request) -> Employee:
    """
    The employee that the user is in the current tenant.

    Raises:
        PermissionDenied: the user is a member, and no employee.
    """
    employee: Employee | None = Employee.objects.filter(user=request.user).first()
    if employee is None:
        raise PermissionDenied("you are no employee of this tenant")
    return employee
