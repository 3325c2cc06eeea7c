"""What listings of expenses can be narrowed down by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from finance.models import ExpenseAdvance, ExpenseRequest


class ExpenseRequestFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/finance/expenses/requests/``."""

    requester = django_filters.NumberFilter(field_name="requester_id")
    my_requests = django_filters.BooleanFilter(method="filter_mine")

    class Meta:
        model = ExpenseRequest
        fields = ["requester", "my_requests", "status"]

    def filter_mine(self, requests: QuerySet[ExpenseRequest], name: str, wanted: bool) -> QuerySet[ExpenseRequest]:
        return requests.filter(requester__user=self.request.user) if wanted else requests


class AdvanceFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/v1/finance/expenses/advances/``."""

    requester = django_filters.NumberFilter(field_name="requester_id")

    class Meta:
        model = ExpenseAdvance
        fields = ["requester", "status"]
