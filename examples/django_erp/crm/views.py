"""Organizations, contacts with access levels, and positions."""

from __future__ import annotations

from typing import Any

from core.caching import BY_ROLE, BY_USER, params, shows
from core.permissions import IsMember, IsStaff
from core.views import SoftDeleteMixin, TenantViewSet
from django.db.models import Count, Prefetch, Q
from django.utils import timezone
from hr.models import Employee
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import access, filters, serializers
from crm.models import AccessLevel, Contact, JobPosition, Organization
from hitrate.django import cache_api_response

# What contacts and positions show: each other, where people work, and to whom they are assigned.
SHOWN = (Contact, JobPosition, Organization, Employee)


class OrganizationViewSet(SoftDeleteMixin, TenantViewSet):
    """Organizations that the role of the user may see."""

    model = Organization
    serializer_class = serializers.OrganizationSerializer
    list_serializer_class = serializers.OrganizationListSerializer
    filterset_class = filters.OrganizationFilter
    search_fields = ["name", "industry", "description"]
    ordering_fields = ["name", "created_at", "organization_type"]

    @cache_api_response(
        600,
        "crm_organizations",
        vary_on=BY_ROLE,
        params=params(filters.OrganizationFilter),
        tags=shows(Organization, JobPosition),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        1800, "crm_organization_detail", vary_on=BY_ROLE, params=[], tags=shows(Organization, JobPosition)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def get_queryset(self) -> Any:
        visible = super().get_queryset().filter(access.organizations(self.request), is_active=True)
        return visible.annotate(contact_count=Count("positions", filter=Q(positions__is_current=True)))

    @action(detail=False)
    @cache_api_response(600, "crm_organizations", vary_on=BY_ROLE, params=[], tags=shows(Organization))
    def by_type(self, request: Request) -> Response:
        """How many organizations there are of each type."""
        visible = Organization.objects.filter(access.organizations(request), is_active=True)
        return Response(_counts(visible, "organization_type"))


class ContactViewSet(SoftDeleteMixin, TenantViewSet):
    """Contacts that the user may see: by access level, or because they are assigned to them."""

    model = Contact
    related = ("assigned_to",)
    serializer_class = serializers.ContactSerializer
    list_serializer_class = serializers.ContactListSerializer
    filterset_class = filters.ContactFilter
    search_fields = ["first_name", "last_name", "email", "positions__title", "positions__organization__name"]
    ordering_fields = ["last_name", "first_name", "created_at", "last_contacted_at"]

    @cache_api_response(300, "crm_contacts", vary_on=BY_USER, params=params(filters.ContactFilter), tags=shows(*SHOWN))
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "crm_contact_detail", vary_on=BY_USER, params=[], tags=shows(*SHOWN))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def get_queryset(self) -> Any:
        current = JobPosition.objects.filter(access.organizations(self.request, "organization__"), is_current=True)
        visible = super().get_queryset().filter(access.contacts(self.request), is_active=True)
        return visible.prefetch_related(Prefetch("positions", current.select_related("organization")))

    @action(detail=False)
    @cache_api_response(300, "crm_contacts", vary_on=BY_USER, params=[], tags=shows(*SHOWN))
    def my_contacts(self, request: Request) -> Response:
        """Contacts assigned to the user."""
        return self._listed(self.get_queryset().filter(assigned_to__user=request.user))

    @action(detail=False, permission_classes=[IsStaff])
    @cache_api_response(300, "crm_contacts", vary_on=BY_USER, params=[], tags=shows(*SHOWN))
    def vip_contacts(self, request: Request) -> Response:
        """VIP and VVIP contacts, for staff."""
        return self._listed(self.get_queryset().filter(access_level__in=[AccessLevel.VIP, AccessLevel.VVIP]))

    @action(detail=False)
    @cache_api_response(300, "crm_contacts", vary_on=BY_USER, params=[], tags=shows(*SHOWN))
    def by_access_level(self, request: Request) -> Response:
        """How many contacts of each level the user sees."""
        return Response(_counts(self.get_queryset(), "access_level"))

    @action(detail=True, methods=["post"], permission_classes=[IsMember])
    def update_last_contacted(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        contact.last_contacted_at = timezone.now()
        contact.save(update_fields=["last_contacted_at", "updated_at"])
        return Response({"last_contacted_at": contact.last_contacted_at})

    def _listed(self, contacts: Any) -> Response:
        return Response(serializers.ContactListSerializer(contacts, many=True).data)


class JobPositionViewSet(TenantViewSet):
    """Positions of the contacts, in the organizations, that the user may see."""

    model = JobPosition
    related = ("contact", "organization")
    serializer_class = serializers.JobPositionSerializer
    filterset_class = filters.JobPositionFilter
    search_fields = ["title", "department", "organization__name"]
    ordering_fields = ["start_date", "title"]

    @cache_api_response(
        600, "crm_positions", vary_on=BY_USER, params=params(filters.JobPositionFilter), tags=shows(*SHOWN)
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    def get_queryset(self) -> Any:
        contacts = access.contacts(self.request, "contact__")
        organizations = access.organizations(self.request, "organization__")
        return super().get_queryset().filter(contacts, organizations, contact__is_active=True)


def _counts(rows: Any, field: str) -> list[dict[str, Any]]:
    # Without an order of its own the model's would become part of the groups.
    return list(rows.order_by().values(field).annotate(count=Count("id", distinct=True)).order_by("-count", field))
