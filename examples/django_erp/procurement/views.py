"""Purchase orders, from draft to closed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core.amounts import amount_text
from core.caching import BY_TENANT, BY_USER, params, shows
from core.permissions import IsMember, IsStaff
from core.views import SoftDeleteMixin, TenantViewSet
from core.workflow import WorkflowMixin
from django.db.models import Count, Sum
from hr.acting import employee_of
from hr.models import Employee
from inventory import stock
from inventory.models import SKU, Warehouse
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from hitrate.django import cache_api_response
from procurement import serializers
from procurement.filters import PurchaseOrderFilter
from procurement.models import OrderStatus, POItem, PurchaseOrder

# What a listing of orders shows.
LISTED = (PurchaseOrder, Warehouse, Employee)


class PurchaseOrderViewSet(WorkflowMixin, SoftDeleteMixin, TenantViewSet):
    """Members see all orders and ask for new ones; staff approves, sends and receives."""

    permission_classes = [IsMember]
    model = PurchaseOrder
    related = ("warehouse", "requested_by", "approved_by")
    serializer_class = serializers.PurchaseOrderSerializer
    list_serializer_class = serializers.PurchaseOrderListSerializer
    filterset_class = PurchaseOrderFilter
    search_fields = ["po_number", "notes"]
    ordering_fields = ["po_number", "total_amount", "created_at"]

    @cache_api_response(
        180, "purchase_orders", vary_on=BY_TENANT, params=params(PurchaseOrderFilter), tags=shows(*LISTED)
    )
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "purchase_order_detail", vary_on=BY_TENANT, params=[], tags=shows(*LISTED, POItem, SKU))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(is_active=True).prefetch_related("items__sku")

    def perform_create(self, serializer: Any) -> None:
        serializer.save(requested_by=employee_of(self.request))

    def perform_update(self, serializer: Any) -> None:
        self._must_be_draft(serializer.instance)
        super().perform_update(serializer)

    def perform_destroy(self, instance: PurchaseOrder) -> None:
        self._must_be_draft(instance)
        super().perform_destroy(instance)

    def _must_be_draft(self, order: PurchaseOrder) -> None:
        if order.status != OrderStatus.DRAFT:
            raise ValidationError({"error": f"{order} is '{order.status}', and only drafts can be changed"})

    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        return self.move(request, (OrderStatus.DRAFT,), OrderStatus.PENDING_APPROVAL)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def approve(self, request: Request, pk: str) -> Response:
        approved_by = employee_of(request)
        return self.move(request, (OrderStatus.PENDING_APPROVAL,), OrderStatus.APPROVED, approved_by=approved_by)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def reject(self, request: Request, pk: str) -> Response:
        return self.move(request, (OrderStatus.PENDING_APPROVAL,), OrderStatus.REJECTED)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def send(self, request: Request, pk: str) -> Response:
        return self.move(request, (OrderStatus.APPROVED,), OrderStatus.SENT)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def receive(self, request: Request, pk: str) -> Response:
        """The goods are here: put them into stock."""
        return self.move(request, (OrderStatus.SENT,), OrderStatus.RECEIVED)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def close(self, request: Request, pk: str) -> Response:
        return self.move(request, (OrderStatus.RECEIVED,), OrderStatus.CLOSED)

    @action(detail=True, methods=["post"], permission_classes=[IsStaff])
    def cancel(self, request: Request, pk: str) -> Response:
        open_ones = (OrderStatus.DRAFT, OrderStatus.PENDING_APPROVAL, OrderStatus.APPROVED)
        return self.move(request, open_ones, OrderStatus.CANCELLED)

    def moved(self, row: PurchaseOrder) -> None:
        if row.status == OrderStatus.RECEIVED:
            for item in row.items.select_related("sku").order_by("sku_id"):
                stock.change(item.sku, row.warehouse, item.quantity)

    @action(detail=False)
    @cache_api_response(180, "purchase_orders", vary_on=BY_USER, params=[], tags=shows(*LISTED))
    def my_requests(self, request: Request) -> Response:
        """Orders that the user asked for."""
        mine = self.get_queryset().filter(requested_by__user=request.user)
        return Response(serializers.PurchaseOrderListSerializer(mine, many=True).data)

    @action(detail=False, permission_classes=[IsStaff])
    def pending_approval(self, request: Request) -> Response:
        """What waits for a decision. Never cached: two people decide from this page."""
        waiting = self.get_queryset().filter(status=OrderStatus.PENDING_APPROVAL)
        return Response(serializers.PurchaseOrderListSerializer(waiting, many=True).data)

    @action(detail=False)
    @cache_api_response(60, "purchase_orders", vary_on=BY_TENANT, params=[], tags=shows(PurchaseOrder))
    def statistics(self, request: Request) -> Response:
        """Numbers and amounts by status."""
        groups = PurchaseOrder.objects.filter(is_active=True).order_by().values("status")
        by_status = list(groups.annotate(count=Count("id"), total=Sum("total_amount")).order_by("status"))
        return Response(
            {
                "total_orders": sum(group["count"] for group in by_status),
                "total_amount": amount_text(sum((group["total"] for group in by_status), Decimal(0))),
                "by_status": {group["status"]: group["count"] for group in by_status},
            }
        )
