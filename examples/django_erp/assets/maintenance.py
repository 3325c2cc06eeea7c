"""Assets, their maintenance schedules, and what was done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.caching import BY_TENANT, params, shows
from core.views import TenantViewSet
from core.workflow import WorkflowMixin
from django.db import transaction
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from assets import filters, serializers
from assets.models import Asset, AssetStatus, MaintenanceRecord, MaintenanceSchedule
from hitrate.django import cache_api_response


class AssetViewSet(WorkflowMixin, TenantViewSet):
    """Assets."""

    model = Asset
    serializer_class = serializers.AssetSerializer
    filterset_class = filters.AssetFilter
    search_fields = ["code", "name", "category"]
    ordering_fields = ["code", "name", "value", "purchased_on"]

    @cache_api_response(300, "assets", vary_on=BY_TENANT, params=params(filters.AssetFilter), tags=shows(Asset))
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "asset_detail", vary_on=BY_TENANT, params=[], tags=shows(Asset))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        return self.move(request, (AssetStatus.AVAILABLE, AssetStatus.MAINTENANCE), AssetStatus.RETIRED)


class ScheduleViewSet(TenantViewSet):
    """Maintenance schedules."""

    model = MaintenanceSchedule
    related = ("asset",)
    serializer_class = serializers.ScheduleSerializer
    filterset_class = filters.ScheduleFilter
    ordering_fields = ["next_due_on"]

    @cache_api_response(
        300,
        "maintenance_schedules",
        vary_on=BY_TENANT,
        params=params(filters.ScheduleFilter),
        tags=shows(MaintenanceSchedule, Asset),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "maintenance_schedule_detail", vary_on=BY_TENANT, params=[], tags=shows(MaintenanceSchedule, Asset)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: str) -> Response:
        """Record that it was done today, and set the next date."""
        found = self.get_object()
        today = timezone.localdate()
        with transaction.atomic():
            schedule = MaintenanceSchedule.objects.select_for_update().get(pk=found.pk)
            schedule.next_due_on = today + timedelta(days=schedule.every_days)
            schedule.save(update_fields=["next_due_on", "updated_at"])
            MaintenanceRecord.objects.create(
                asset_id=schedule.asset_id, schedule=schedule, title=schedule.title, done_on=today
            )
        return Response(self.get_serializer(schedule).data)


class RecordViewSet(TenantViewSet):
    """Maintenance records."""

    model = MaintenanceRecord
    related = ("asset",)
    serializer_class = serializers.RecordSerializer
    filterset_class = filters.RecordFilter
    ordering_fields = ["done_on", "cost"]

    @cache_api_response(
        300,
        "maintenance_records",
        vary_on=BY_TENANT,
        params=params(filters.RecordFilter),
        tags=shows(MaintenanceRecord, Asset),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "maintenance_record_detail", vary_on=BY_TENANT, params=[], tags=shows(MaintenanceRecord, Asset)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)
