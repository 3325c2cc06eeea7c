"""Assets, their maintenance schedules, and what was done."""

from __future__ import annotations

from datetime import timedelta

from core.views import TenantViewSet
from core.workflow import WorkflowMixin
from django.db import transaction
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from assets import filters, serializers
from assets.models import Asset, AssetStatus, MaintenanceRecord, MaintenanceSchedule


class AssetViewSet(WorkflowMixin, TenantViewSet):
    """Assets."""

    model = Asset
    serializer_class = serializers.AssetSerializer
    filterset_class = filters.AssetFilter
    search_fields = ["code", "name", "category"]
    ordering_fields = ["code", "name", "value", "purchased_on"]

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
