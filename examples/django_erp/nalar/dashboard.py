"""Statistics of one tenant."""

from __future__ import annotations

from typing import Any

from assets.models import Asset, AssetCheckout, CheckoutStatus
from core.amounts import amount_text
from core.caching import BY_TENANT, BY_USER, shows
from core.permissions import IsStaff
from crm.models import Contact
from django.db.models import Count, F, Sum
from finance.models import AdvanceStatus, ExpenseAdvance, ExpenseRequest, ExpenseStatus
from hr.models import Department, Employee
from inventory.models import SKU
from procurement.models import PurchaseOrder
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from hitrate.django import cache_api_response

OVERVIEW = (Employee, Department, Asset, SKU)
MONEY = (ExpenseRequest, ExpenseAdvance, PurchaseOrder)
WORK = (ExpenseRequest, ExpenseAdvance, AssetCheckout, Contact, Employee)


class DashboardViewSet(ViewSet):
    """What the first page shows."""

    @action(detail=False)
    @cache_api_response(60, "dashboard_stats", vary_on=BY_TENANT, params=[], tags=shows(*OVERVIEW))
    def organization_overview(self, request: Request) -> Response:
        """Numbers that every member may know."""
        return Response(
            {
                "total_employees": Employee.objects.count(),
                "total_departments": Department.objects.count(),
                "total_assets": Asset.objects.count(),
                "total_skus": SKU.objects.filter(is_active=True).count(),
                "low_stock": SKU.objects.filter(is_active=True, current_stock__lte=F("minimum_stock")).count(),
                "employees_by_status": _by(Employee, "employment_status"),
                "employees_by_type": _by(Employee, "employment_type"),
                "assets_by_status": _by(Asset, "status"),
            }
        )

    @action(detail=False, permission_classes=[IsStaff])
    @cache_api_response(60, "dashboard_stats", vary_on=BY_TENANT, params=[], tags=shows(*MONEY))
    def finance_overview(self, request: Request) -> Response:
        """Amounts, for staff."""
        amounts = ExpenseRequest.objects.aggregate(requested=Sum("total_amount"), approved=Sum("approved_amount"))
        return Response(
            {
                "requested": amount_text(amounts["requested"]),
                "approved": amount_text(amounts["approved"]),
                "expenses_by_status": _by(ExpenseRequest, "status"),
                "advances_by_status": _by(ExpenseAdvance, "status"),
                "orders_by_status": _by(PurchaseOrder, "status"),
            }
        )

    @action(detail=False)
    @cache_api_response(60, "dashboard_stats", vary_on=BY_USER, params=[], tags=shows(*WORK))
    def my_work(self, request: Request) -> Response:
        """What the user has to do."""
        mine: dict[str, Any] = {"requester__user": request.user}
        out = AssetCheckout.objects.filter(checked_out_by__user=request.user, status=CheckoutStatus.OUT)
        unsettled = ExpenseAdvance.objects.filter(**mine, status=AdvanceStatus.DISBURSED)
        return Response(
            {
                "draft_requests": ExpenseRequest.objects.filter(**mine, status=ExpenseStatus.DRAFT).count(),
                "unsettled_advances": unsettled.count(),
                "checkouts": out.count(),
                "contacts": Contact.objects.filter(assigned_to__user=request.user, is_active=True).count(),
            }
        )


def _by(model: Any, field: str) -> dict[str, int]:
    groups = model.objects.order_by().values_list(field).annotate(count=Count("id")).order_by(field)
    return dict(groups)
