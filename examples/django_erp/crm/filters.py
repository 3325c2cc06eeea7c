"""What listings of the CRM can be narrowed down by."""

from __future__ import annotations

import django_filters

from crm.models import Contact, JobPosition, Organization


class OrganizationFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/admin-ops/crm/organizations/``."""

    class Meta:
        model = Organization
        fields = ["organization_type", "access_level", "country", "city"]


class ContactFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/admin-ops/crm/contacts/``."""

    assigned_to = django_filters.NumberFilter(field_name="assigned_to_id")
    organization = django_filters.NumberFilter(field_name="positions__organization_id", distinct=True)

    class Meta:
        model = Contact
        fields = ["access_level", "city", "assigned_to", "organization"]


class JobPositionFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/admin-ops/crm/positions/``."""

    contact = django_filters.NumberFilter(field_name="contact_id")
    organization = django_filters.NumberFilter(field_name="organization_id")

    class Meta:
        model = JobPosition
        fields = ["contact", "organization", "is_current", "is_primary"]
