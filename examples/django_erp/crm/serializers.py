"""Organizations, contacts and positions as JSON."""

from __future__ import annotations

from hr.serializers import EmployeeSummarySerializer
from rest_framework import serializers

from crm.models import Contact, JobPosition, Organization


class OrganizationListSerializer(serializers.ModelSerializer):
    """An organization in a listing; `contact_count` counts current positions."""

    contact_count = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Organization
        fields = ["id", "name", "organization_type", "industry", "city", "country", "access_level", "contact_count"]


class OrganizationSerializer(OrganizationListSerializer):
    """All of an organization."""

    class Meta:
        model = Organization
        fields = [*OrganizationListSerializer.Meta.fields, "website", "email", "description"]


class JobPositionSerializer(serializers.ModelSerializer):
    """A position."""

    contact_name = serializers.StringRelatedField(source="contact")
    organization_name = serializers.CharField(source="organization.name", read_only=True)

    class Meta:
        model = JobPosition
        fields = [
            "id", "contact", "contact_name", "organization", "organization_name", "title", "department", "is_current",
            "is_primary", "start_date", "end_date",
        ]  # fmt: skip


class ContactPositionSerializer(serializers.ModelSerializer):
    """A current position inside a contact."""

    organization_name = serializers.CharField(source="organization.name", read_only=True)

    class Meta:
        model = JobPosition
        fields = ["id", "title", "organization", "organization_name", "is_primary"]


class ContactListSerializer(serializers.ModelSerializer):
    """A contact in a listing. Wants its visible current positions prefetched."""

    name = serializers.CharField(source="__str__", read_only=True)
    positions = ContactPositionSerializer(many=True, read_only=True)

    class Meta:
        model = Contact
        fields = ["id", "name", "email", "city", "access_level", "assigned_to", "last_contacted_at", "positions"]


class ContactSerializer(serializers.ModelSerializer):
    """All of a contact."""

    positions = ContactPositionSerializer(many=True, read_only=True)
    assigned_employee = EmployeeSummarySerializer(source="assigned_to", read_only=True)

    class Meta:
        model = Contact
        fields = [
            "id", "first_name", "last_name", "email", "phone", "city", "biography", "access_level", "assigned_to",
            "assigned_employee", "last_contacted_at", "positions",
        ]  # fmt: skip
        read_only_fields = ["last_contacted_at"]
