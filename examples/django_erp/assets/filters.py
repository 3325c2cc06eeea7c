"""What listings of assets can be narrowed down by."""

from __future__ import annotations

import django_filters

from assets import models


class AssetFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/assets/maintenance/assets/``."""

    class Meta:
        model = models.Asset
        fields = ["category", "status", "location"]


class OfAssetFilter(django_filters.FilterSet):
    """Parameters of everything that happens to an asset."""

    asset = django_filters.NumberFilter(field_name="asset_id")


class AssignmentFilter(OfAssetFilter):
    """Parameters of assignments."""

    assigned_to = django_filters.NumberFilter(field_name="assigned_to_id")

    class Meta:
        model = models.AssetAssignment
        fields = ["asset", "assigned_to", "status"]


class TransferFilter(OfAssetFilter):
    """Parameters of transfers."""

    class Meta:
        model = models.AssetTransfer
        fields = ["asset", "status"]


class CheckoutFilter(OfAssetFilter):
    """Parameters of checkouts."""

    checked_out_by = django_filters.NumberFilter(field_name="checked_out_by_id")

    class Meta:
        model = models.AssetCheckout
        fields = ["asset", "checked_out_by", "status"]


class ScheduleFilter(OfAssetFilter):
    """Parameters of maintenance schedules."""

    class Meta:
        model = models.MaintenanceSchedule
        fields = ["asset", "is_active"]


class RecordFilter(OfAssetFilter):
    """Parameters of maintenance records."""

    schedule = django_filters.NumberFilter(field_name="schedule_id")

    class Meta:
        model = models.MaintenanceRecord
        fields = ["asset", "schedule"]
