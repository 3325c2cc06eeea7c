"""Organizations, contacts with access levels, and positions."""

from __future__ import annotations

from typing import Any

from core.permissions import IsMember, IsStaff
from core.views import SoftDeleteMixin, TenantViewSet
from django.db.models import Count, Prefetch, Q
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import access, filters, serializers
from crm.models import AccessLevel, Contact, JobPosition, Organization


class OrganizationViewSet(SoftDeleteMixin, TenantViewSet):
    """Organizations that the role of the user may see."""

    model = Organization
    serializer_class = serializers.OrganizationSerializer
    list_serializer_class = serializers.OrganizationListSerializer
    filterset_class = filters.OrganizationFilter
    search_fields = ["name", "industry", "description"]
    ordering_fields = ["name", "created_at", "organization_type"]

    def get_queryset(self) -> Any:
        visible = super().get_queryset().filter(access.organizations(self.request), is_active=True)
        return visible.annotate(contact_count=Count("positions", filter=Q(positions__is_current=True)))

    @action(detail=False)
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

    def get_queryset(self) -> Any:
        current = JobPosition.objects.filter(access.organizations(self.request, "organization__"), is_current=True)
        visible = super().get_queryset().filter(access.contacts(self.request), is_active=True)
        return visible.prefetch_related(Prefetch("positions", current.select_related("organization")))

    @action(detail=False)
    def my_contacts(self, request: Request) -> Response:
        """Contacts assigned to the user."""
        return self._listed(self.get_queryset().filter(assigned_to__user=request.user))

    @action(detail=False, permission_classes=[IsStaff])
    def vip_contacts(self, request: Request) -> Response:
        """VIP and VVIP contacts, for staff."""
        return self._listed(self.get_queryset().filter(access_level__in=[AccessLevel.VIP, AccessLevel.VVIP]))

    @action(detail=False)
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

    def get_queryset(self) -> Any:
        contacts = access.contacts(self.request, "contact__")
        organizations = access.organizations(self.request, "organization__")
        return super().get_queryset().filter(contacts, organizations, contact__is_active=True)


def _counts(rows: Any, field: str) -> list[dict[str, Any]]:
    # Without an order of its own the model's would become part of the groups.
    return list(rows.order_by().values(field).annotate(count=Count("id", distinct=True)).order_by("-count", field))
