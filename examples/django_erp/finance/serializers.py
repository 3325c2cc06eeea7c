"""Expense requests and advances as JSON. Amounts are text, so that they stay exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from hr.serializers import EmployeeSummarySerializer
from rest_framework import serializers

from finance.models import ONE_CENT, ExpenseAdvance, ExpenseItem, ExpenseRequest


def amount_field(**options: Any) -> serializers.DecimalField:
    """A positive amount."""
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=ONE_CENT, **options)


class ExpenseItemSerializer(serializers.ModelSerializer):
    """A line of a request."""

    class Meta:
        model = ExpenseItem
        fields = ["id", "category", "description", "amount"]


class ExpenseRequestListSerializer(serializers.ModelSerializer):
    """A request in a listing."""

    requester_name = serializers.StringRelatedField(source="requester")

    class Meta:
        model = ExpenseRequest
        fields = ["id", "request_number", "title", "requester_name", "status", "expense_date", "total_amount"]


class ExpenseRequestSerializer(serializers.ModelSerializer):
    """All of a request, with its lines, which are written along with it."""

    requester = EmployeeSummarySerializer(read_only=True)
    approved_by = EmployeeSummarySerializer(read_only=True)
    items = ExpenseItemSerializer(many=True, allow_empty=False)

    class Meta:
        model = ExpenseRequest
        fields = [
            "id", "request_number", "requester", "title", "description", "expense_date", "status", "total_amount",
            "approved_amount", "approved_by", "rejection_reason", "payment_reference", "payment_date", "items",
        ]  # fmt: skip

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> ExpenseRequest:
        items = validated_data.pop("items")
        request: ExpenseRequest = super().create(validated_data)
        return self._with_items(request, items)

    @transaction.atomic
    def update(self, instance: ExpenseRequest, validated_data: dict[str, Any]) -> ExpenseRequest:
        items = validated_data.pop("items", None)
        request: ExpenseRequest = super().update(instance, validated_data)
        if items is None:
            return request
        request.items.all().delete()
        return self._with_items(request, items)

    def _with_items(self, request: ExpenseRequest, items: list[dict[str, Any]]) -> ExpenseRequest:
        for item in items:
            ExpenseItem.objects.create(expense_request=request, **item)
        request.total_amount = sum((item["amount"] for item in items), Decimal(0))
        request.save(update_fields=["total_amount", "updated_at"])
        return request


class ApprovalSerializer(serializers.Serializer):
    """What staff may say when it approves."""

    approved_amount = amount_field(required=False)


class ReasonSerializer(serializers.Serializer):
    """Why something is refused."""

    reason = serializers.CharField(max_length=500)


class PaymentSerializer(serializers.Serializer):
    """How something was paid."""

    payment_reference = serializers.CharField(max_length=100, required=False, default="")
    payment_date = serializers.DateField(required=False, default=timezone.localdate)


class PeriodSerializer(serializers.Serializer):
    """Which days a summary is about."""

    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)


class AdvanceListSerializer(serializers.ModelSerializer):
    """An advance in a listing."""

    requester_name = serializers.StringRelatedField(source="requester")

    class Meta:
        model = ExpenseAdvance
        fields = ["id", "advance_number", "requester_name", "amount", "status"]


class AdvanceSerializer(serializers.ModelSerializer):
    """All of an advance."""

    requester = EmployeeSummarySerializer(read_only=True)
    balance = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)

    class Meta:
        model = ExpenseAdvance
        fields = [
            "id", "advance_number", "requester", "purpose", "amount", "status", "settled_amount", "settled_on",
            "balance", "notes",
        ]  # fmt: skip


class SettlementSerializer(serializers.Serializer):
    """What became of an advance."""

    settled_amount = amount_field()
    settled_on = serializers.DateField(required=False, default=timezone.localdate)
