"""Departments and employees."""

from __future__ import annotations

from typing import Any

from core.caching import BY_ROLE, BY_TENANT, BY_USER, params, shows
from core.views import TenantViewSet
from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from hitrate.django import cache_api_response
from hr import serializers
from hr.filters import EmployeeFilter
from hr.models import Department, Employee


class DepartmentViewSet(TenantViewSet):
    """Departments: reference data."""

    model = Department
    serializer_class = serializers.DepartmentSerializer

    @cache_api_response(3600, "departments", shared=True, vary_on=BY_TENANT, params=params(), tags=shows(Department))
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)


class EmployeeViewSet(TenantViewSet):
    """Employees. Their faces open doors; registering one is a step of its own."""

    model = Employee
    related = ("department", "supervisor")
    serializer_class = serializers.EmployeeSerializer
    list_serializer_class = serializers.EmployeeListSerializer
    filterset_class = EmployeeFilter
    search_fields = ["employee_number", "first_name", "last_name", "position"]
    ordering_fields = ["employee_number", "last_name", "joined_on"]

    @cache_api_response(
        300, "employees", vary_on=BY_TENANT, params=params(EmployeeFilter), tags=shows(Employee, Department)
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "employee_detail", vary_on=BY_ROLE, params=[], tags=shows(Employee, Department))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    @action(detail=False)
    @cache_api_response(600, "employee_detail", vary_on=BY_USER, params=[], tags=shows(Employee, Department))
    def me(self, request: Request) -> Response:
        """The employee that the user is."""
        mine: QuerySet[Employee] = self.get_queryset().filter(user=request.user)
        employee = mine.first()
        if employee is None:
            return Response({"detail": "you are no employee of this tenant"}, status=404)
        return Response(self.get_serializer(employee).data)

    @action(detail=True, methods=["post"], url_path="register-face")
    def register_face(self, request: Request, pk: str) -> Response:
        asked = serializers.FaceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._keep_face(asked.validated_data["encoding"])

    @action(detail=True, methods=["delete"], url_path="remove-face")
    def remove_face(self, request: Request, pk: str) -> Response:
        return self._keep_face("")

    def _keep_face(self, encoding: str) -> Response:
        employee = self.get_object()
        employee.face_encoding = encoding
        employee.save(update_fields=["face_encoding", "updated_at"])
        return Response(self.get_serializer(employee).data)
