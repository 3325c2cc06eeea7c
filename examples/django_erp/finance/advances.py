"""Advances. Their number stands in the address: ``advances/ADV-2026-00007/``."""

from __future__ import annotations

from typing import Any

from core.caching import BY_USER, params, shows
from core.permissions import IsStaff
from core.workflow import WorkflowMixin
from hr.acting import employee_of
from hr.models import Employee
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from finance import serializers
from finance.filters import AdvanceFilter
from finance.models import AdvanceStatus, ExpenseAdvance
from finance.own import OwnViewSet
from hitrate.django import cache_api_response


class AdvanceViewSet(WorkflowMixin, OwnViewSet):
    """Members ask for money in advance, staff decides and pays."""

    model = ExpenseAdvance
    related = ("requester",)
    lookup_field = "advance_number"
    lookup_value_regex = "[A-Z0-9-]{1,30}"
    serializer_class = serializers.AdvanceSerializer
    list_serializer_class = serializers.AdvanceListSerializer
    filterset_class = AdvanceFilter
    search_fields = ["advance_number", "purpose"]
    ordering_fields = ["advance_number", "amount", "created_at"]

    @cache_api_response(
        180, "expense_advances", vary_on=BY_USER, params=params(AdvanceFilter), tags=shows(ExpenseAdvance, Employee)
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "expense_advance_detail", vary_on=BY_USER, params=[], tags=shows(ExpenseAdvance, Employee))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def perform_update(self, serializer: Any) -> None:
        self._must_be_pending(serializer.instance)
        super().perform_update(serializer)

    def perform_destroy(self, instance: ExpenseAdvance) -> None:
        self._must_be_pending(instance)
        super().perform_destroy(instance)

    def _must_be_pending(self, advance: ExpenseAdvance) -> None:
        if advance.status != AdvanceStatus.PENDING:
            raise ValidationError({"error": f"{advance} is '{advance.status}', and only pending ones can be changed"})

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def approve(self, request: Request, advance_number: str) -> Response:
        return self.move(request, (AdvanceStatus.PENDING,), AdvanceStatus.APPROVED, approved_by=employee_of(request))

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def reject(self, request: Request, advance_number: str) -> Response:
        asked = serializers.ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = {"approved_by": employee_of(request), "notes": asked.validated_data["reason"]}
        return self.move(request, (AdvanceStatus.PENDING,), AdvanceStatus.REJECTED, **changes)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def disburse(self, request: Request, advance_number: str) -> Response:
        return self.move(request, (AdvanceStatus.APPROVED,), AdvanceStatus.DISBURSED)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def settle(self, request: Request, advance_number: str) -> Response:
        asked = serializers.SettlementSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.move(request, (AdvanceStatus.DISBURSED,), AdvanceStatus.SETTLED, **asked.validated_data)
