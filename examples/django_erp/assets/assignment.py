"""Who has which asset: assignments, transfers and checkouts."""

from __future__ import annotations

from typing import Any

from core.caching import BY_TENANT, BY_USER, params, shows
from core.permissions import IsMember
from core.views import TenantViewSet
from core.workflow import WorkflowMixin
from django.db import transaction
from django.utils import timezone
from hr.acting import employee_of
from hr.models import Employee
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from assets import filters, serializers
from assets.models import (
    Asset,
    AssetAssignment,
    AssetCheckout,
    AssetStatus,
    AssetTransfer,
    AssignmentStatus,
    CheckoutStatus,
    TransferStatus,
)
from hitrate.django import cache_api_response


def take(asset: Asset, status: str) -> None:
    """
    Give an available asset another status. Must be called in a transaction.

    Raises:
        ValidationError: somebody has it.
    """
    locked = Asset.objects.select_for_update().get(pk=asset.pk)
    if locked.status != AssetStatus.AVAILABLE:
        raise ValidationError({"asset": [f"{locked.code} is '{locked.status}'"]})
    locked.status = status
    locked.save(update_fields=["status", "updated_at"])


def give_back(asset: Asset) -> None:
    """Make the asset available again."""
    asset.status = AssetStatus.AVAILABLE
    asset.save(update_fields=["status", "updated_at"])


class AssignmentViewSet(WorkflowMixin, TenantViewSet):
    """Assignments."""

    model = AssetAssignment
    related = ("asset", "assigned_to")
    serializer_class = serializers.AssignmentSerializer
    filterset_class = filters.AssignmentFilter
    ordering_fields = ["due_on", "created_at"]

    @cache_api_response(
        300,
        "asset_assignments",
        vary_on=BY_TENANT,
        params=params(filters.AssignmentFilter),
        tags=shows(AssetAssignment, Asset, Employee),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "asset_assignment_detail", vary_on=BY_TENANT, params=[], tags=shows(AssetAssignment, Asset, Employee)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def perform_create(self, serializer: Any) -> None:
        with transaction.atomic():
            take(serializer.validated_data["asset"], AssetStatus.ASSIGNED)
            serializer.save()

    @action(detail=False)
    @cache_api_response(
        300, "asset_assignments", vary_on=BY_USER, params=[], tags=shows(AssetAssignment, Asset, Employee)
    )
    def my_assets(self, request: Request) -> Response:
        """What the user has."""
        mine = self.get_queryset().filter(assigned_to__user=request.user, status=AssignmentStatus.ACTIVE)
        return Response(self.get_serializer(mine, many=True).data)

    @action(detail=True, methods=["post"])
    def return_asset(self, request: Request, pk: str) -> Response:
        return self.move(request, (AssignmentStatus.ACTIVE,), AssignmentStatus.RETURNED, returned_at=timezone.now())

    def moved(self, row: AssetAssignment) -> None:
        give_back(row.asset)


class TransferViewSet(WorkflowMixin, TenantViewSet):
    """Transfers. An approved one ends the assignment and makes another."""

    model = AssetTransfer
    related = ("asset", "from_employee", "to_employee")
    serializer_class = serializers.TransferSerializer
    filterset_class = filters.TransferFilter
    ordering_fields = ["created_at"]

    @cache_api_response(
        300,
        "asset_transfers",
        vary_on=BY_TENANT,
        params=params(filters.TransferFilter),
        tags=shows(AssetTransfer, Asset, Employee),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "asset_transfer_detail", vary_on=BY_TENANT, params=[], tags=shows(AssetTransfer, Asset, Employee)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        decided_by = employee_of(request)
        return self.move(request, (TransferStatus.PENDING,), TransferStatus.APPROVED, decided_by=decided_by)

    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        decided_by = employee_of(request)
        return self.move(request, (TransferStatus.PENDING,), TransferStatus.REJECTED, decided_by=decided_by)

    def moved(self, row: AssetTransfer) -> None:
        if row.status != TransferStatus.APPROVED:
            return
        before = AssetAssignment.objects.filter(asset=row.asset, status=AssignmentStatus.ACTIVE)
        for assignment in before:
            assignment.status, assignment.returned_at = AssignmentStatus.RETURNED, timezone.now()
            assignment.save(update_fields=["status", "returned_at", "updated_at"])
        AssetAssignment.objects.create(asset=row.asset, assigned_to=row.to_employee)
        row.asset.status = AssetStatus.ASSIGNED
        row.asset.save(update_fields=["status", "updated_at"])


class CheckoutViewSet(WorkflowMixin, TenantViewSet):
    """Checkouts: any member may take what is available."""

    permission_classes = [IsMember]
    http_method_names = ["get", "post", "head", "options"]
    model = AssetCheckout
    related = ("asset", "checked_out_by")
    serializer_class = serializers.CheckoutSerializer
    filterset_class = filters.CheckoutFilter
    ordering_fields = ["due_at", "created_at"]

    @cache_api_response(
        300,
        "asset_checkouts",
        vary_on=BY_TENANT,
        params=params(filters.CheckoutFilter),
        tags=shows(AssetCheckout, Asset, Employee),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "asset_checkout_detail", vary_on=BY_TENANT, params=[], tags=shows(AssetCheckout, Asset, Employee)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def perform_create(self, serializer: Any) -> None:
        with transaction.atomic():
            take(serializer.validated_data["asset"], AssetStatus.CHECKED_OUT)
            serializer.save(checked_out_by=employee_of(self.request))

    @action(detail=False)
    @cache_api_response(300, "asset_checkouts", vary_on=BY_USER, params=[], tags=shows(AssetCheckout, Asset, Employee))
    def my_checkouts(self, request: Request) -> Response:
        """What the user has borrowed."""
        mine = self.get_queryset().filter(checked_out_by__user=request.user, status=CheckoutStatus.OUT)
        return Response(self.get_serializer(mine, many=True).data)

    @action(detail=True, methods=["post"])
    def return_item(self, request: Request, pk: str) -> Response:
        return self.move(request, (CheckoutStatus.OUT,), CheckoutStatus.RETURNED, returned_at=timezone.now())

    def moved(self, row: AssetCheckout) -> None:
        give_back(row.asset)
