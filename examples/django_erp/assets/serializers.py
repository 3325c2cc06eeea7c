"""Assets as JSON."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from assets import models


class AssetSerializer(serializers.ModelSerializer):
    """An asset; its status follows from assignments, checkouts and maintenance, and may be set as well."""

    class Meta:
        model = models.Asset
        fields = ["id", "code", "name", "category", "status", "location", "purchased_on", "value"]
        extra_kwargs = {"code": {"validators": [UniqueValidator(models.Asset.objects)]}}


class OfAssetSerializer(serializers.ModelSerializer):
    """Something that happens to an asset."""

    asset_name = serializers.CharField(source="asset.name", read_only=True)
    asset_code = serializers.CharField(source="asset.code", read_only=True)


class AssignmentSerializer(OfAssetSerializer):
    """An assignment."""

    assigned_to_name = serializers.StringRelatedField(source="assigned_to")

    class Meta:
        model = models.AssetAssignment
        fields = [
            "id", "asset", "asset_name", "asset_code", "assigned_to", "assigned_to_name", "status", "due_on",
            "returned_at", "notes",
        ]  # fmt: skip
        read_only_fields = ["status"]


class TransferSerializer(OfAssetSerializer):
    """A transfer."""

    from_name = serializers.StringRelatedField(source="from_employee")
    to_name = serializers.StringRelatedField(source="to_employee")

    class Meta:
        model = models.AssetTransfer
        fields = [
            "id", "asset", "asset_name", "asset_code", "from_employee", "from_name", "to_employee", "to_name",
            "status", "decided_by", "reason",
        ]  # fmt: skip
        read_only_fields = ["status"]


class CheckoutSerializer(OfAssetSerializer):
    """A checkout; whoever makes it has the asset."""

    checked_out_by_name = serializers.StringRelatedField(source="checked_out_by")

    class Meta:
        model = models.AssetCheckout
        fields = [
            "id", "asset", "asset_name", "asset_code", "checked_out_by", "checked_out_by_name", "status", "purpose",
            "due_at", "returned_at",
        ]  # fmt: skip
        read_only_fields = ["checked_out_by", "status"]


class ScheduleSerializer(OfAssetSerializer):
    """A maintenance schedule."""

    class Meta:
        model = models.MaintenanceSchedule
        fields = ["id", "asset", "asset_name", "asset_code", "title", "every_days", "next_due_on", "is_active"]


class RecordSerializer(OfAssetSerializer):
    """A maintenance record."""

    class Meta:
        model = models.MaintenanceRecord
        fields = ["id", "asset", "asset_name", "asset_code", "schedule", "title", "done_on", "cost", "notes"]
