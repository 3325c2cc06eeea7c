"""Addresses below ``hr/`` and ``organization/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from hr import views

employees = SimpleRouter()
employees.register("employees", views.EmployeeViewSet, basename="employee")

organization = SimpleRouter()
organization.register("departments", views.DepartmentViewSet, basename="department")
