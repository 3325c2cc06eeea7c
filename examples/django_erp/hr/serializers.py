"""Departments and employees as JSON."""

from __future__ import annotations

from typing import Any

from core.members import is_staff
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from hr.models import Department, Employee


class DepartmentSerializer(serializers.ModelSerializer):
    """A department."""

    class Meta:
        model = Department
        fields = ["id", "name", "code"]
        extra_kwargs = {"code": {"validators": [UniqueValidator(Department.objects)]}}


class EmployeeSummarySerializer(serializers.ModelSerializer):
    """An employee inside something else."""

    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = Employee
        fields = ["id", "employee_number", "name"]


class EmployeeListSerializer(EmployeeSummarySerializer):
    """An employee in a listing."""

    department_name = serializers.CharField(source="department.name", default=None, read_only=True)
    supervisor_name = serializers.StringRelatedField(source="supervisor")

    class Meta:
        model = Employee
        fields = [
            *EmployeeSummarySerializer.Meta.fields, "email", "position", "department_name", "supervisor_name",
            "employment_type", "employment_status",
        ]  # fmt: skip


class EmployeeSerializer(serializers.ModelSerializer):
    """All of an employee. Staff alone sees the salary, so answers of one role are not those of another."""

    department_name = serializers.CharField(source="department.name", default=None, read_only=True)
    supervisor_name = serializers.StringRelatedField(source="supervisor")
    face_registered = serializers.SerializerMethodField()

    class Meta:
        model = Employee
        fields = [
            "id", "employee_number", "first_name", "last_name", "email", "position", "department", "department_name",
            "supervisor", "supervisor_name", "employment_type", "employment_status", "joined_on", "salary",
            "face_registered",
        ]  # fmt: skip
        extra_kwargs = {"employee_number": {"validators": [UniqueValidator(Employee.objects)]}}

    def get_face_registered(self, employee: Employee) -> bool:
        return bool(employee.face_encoding)

    def to_representation(self, instance: Employee) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not is_staff(self.context["request"]):
            del shown["salary"]
        return shown


class FaceSerializer(serializers.Serializer):
    """What a camera made of a face."""

    encoding = serializers.CharField(max_length=4096)
