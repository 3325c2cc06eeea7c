"""Expense requests, from draft to paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.amounts import amount_text
from core.caching import BY_USER, params, shows
from core.permissions import IsStaff
from core.workflow import WorkflowMixin
from django.db.models import Count, Sum
from hr.acting import employee_of
from hr.models import Employee
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from finance import serializers
from finance.filters import ExpenseRequestFilter
from finance.models import ExpenseItem, ExpenseRequest, ExpenseStatus
from finance.own import OwnViewSet
from hitrate.django import cache_api_response

PERIOD = ["start_date", "end_date"]


class ExpenseRequestViewSet(WorkflowMixin, OwnViewSet):
    """Members write and submit their own requests, staff decides and pays."""

    model = ExpenseRequest
    related = ("requester", "approved_by")
    serializer_class = serializers.ExpenseRequestSerializer
    list_serializer_class = serializers.ExpenseRequestListSerializer
    filterset_class = ExpenseRequestFilter
    search_fields = ["request_number", "title", "description"]
    ordering_fields = ["request_number", "expense_date", "total_amount", "created_at"]

    @cache_api_response(
        180,
        "expense_requests",
        vary_on=BY_USER,
        params=params(ExpenseRequestFilter),
        tags=shows(ExpenseRequest, Employee),
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(
        600, "expense_request_detail", vary_on=BY_USER, params=[], tags=shows(ExpenseRequest, ExpenseItem, Employee)
    )
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def perform_update(self, serializer: Any) -> None:
        self._must_be_draft(serializer.instance)
        super().perform_update(serializer)

    def perform_destroy(self, instance: ExpenseRequest) -> None:
        self._must_be_draft(instance)
        super().perform_destroy(instance)

    def _must_be_draft(self, expense: ExpenseRequest) -> None:
        if expense.status != ExpenseStatus.DRAFT:
            raise ValidationError({"error": f"{expense} is '{expense.status}', and only drafts can be changed"})

    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        return self.move(request, (ExpenseStatus.DRAFT,), ExpenseStatus.SUBMITTED)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def approve(self, request: Request, pk: str) -> Response:
        asked = serializers.ApprovalSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        amount = asked.validated_data.get("approved_amount", self.get_object().total_amount)
        changes = {"approved_by": employee_of(request), "approved_amount": amount}
        return self.move(request, (ExpenseStatus.SUBMITTED,), ExpenseStatus.APPROVED, **changes)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def reject(self, request: Request, pk: str) -> Response:
        asked = serializers.ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = {"approved_by": employee_of(request), "rejection_reason": asked.validated_data["reason"]}
        return self.move(request, (ExpenseStatus.SUBMITTED,), ExpenseStatus.REJECTED, **changes)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def process_payment(self, request: Request, pk: str) -> Response:
        return self.move(request, (ExpenseStatus.APPROVED,), ExpenseStatus.PROCESSING)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def mark_paid(self, request: Request, pk: str) -> Response:
        asked = serializers.PaymentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.move(request, (ExpenseStatus.PROCESSING,), ExpenseStatus.PAID, **asked.validated_data)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        open_ones = (ExpenseStatus.DRAFT, ExpenseStatus.SUBMITTED, ExpenseStatus.APPROVED)
        return self.move(request, open_ones, ExpenseStatus.CANCELLED)

    @action(detail=False, permission_classes=[IsStaff])
    def pending_approval(self, request: Request) -> Response:
        """What waits for a decision. Never cached: two people decide from this page."""
        waiting = self.get_queryset().filter(status=ExpenseStatus.SUBMITTED)
        return Response(serializers.ExpenseRequestListSerializer(waiting, many=True).data)

    @action(detail=False)
    @cache_api_response(60, "expense_requests", vary_on=BY_USER, params=PERIOD, tags=shows(ExpenseRequest, Employee))
    def summary(self, request: Request) -> Response:
        """Numbers and amounts by status, of the days from `start_date` to `end_date`."""
        period = serializers.PeriodSerializer(data=request.query_params)
        if not period.is_valid():
            return Response({"error": period.errors}, status=400)
        lookups = {"start_date": "expense_date__gte", "end_date": "expense_date__lte"}
        days = {lookups[name]: day for name, day in period.validated_data.items()}
        groups = self.get_queryset().filter(**days).order_by().values("status")
        by_status = groups.annotate(count=Count("id"), total=Sum("total_amount")).order_by("status")
        return Response(
            {
                "total_requests": sum(group["count"] for group in by_status),
                "total_amount": amount_text(sum((group["total"] for group in by_status), Decimal(0))),
                "by_status": {group["status"]: group["count"] for group in by_status},
            }
        )
