"""Warehouses and articles."""

from __future__ import annotations

from typing import Any

from core.caching import BY_TENANT, params, shows
from core.views import SoftDeleteMixin, TenantViewSet
from django.db import transaction
from django.db.models import F
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from hitrate.django import cache_api_response
from inventory import serializers, stock
from inventory.models import SKU, StockRecord, Warehouse


class WarehouseViewSet(SoftDeleteMixin, TenantViewSet):
    """Warehouses."""

    model = Warehouse
    serializer_class = serializers.WarehouseSerializer
    search_fields = ["code", "name"]
    ordering_fields = ["code", "name"]

    @cache_api_response(600, "warehouses", vary_on=BY_TENANT, params=params(), tags=shows(Warehouse))
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(1800, "warehouse_detail", vary_on=BY_TENANT, params=[], tags=shows(Warehouse))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(is_active=True)


class SKUViewSet(SoftDeleteMixin, TenantViewSet):
    """Articles. What is in stock right now is asked of the database: nobody promises from a cache."""

    model = SKU
    serializer_class = serializers.SKUSerializer
    list_serializer_class = serializers.SKUListSerializer
    search_fields = ["sku_code", "name"]
    ordering_fields = ["sku_code", "name", "current_stock"]

    @cache_api_response(300, "skus", vary_on=BY_TENANT, params=params(), tags=shows(SKU))
    def list(self, request: Request, **arguments: Any) -> Response:
        return super().list(request, **arguments)

    @cache_api_response(600, "sku_detail", vary_on=BY_TENANT, params=[], tags=shows(SKU))
    def retrieve(self, request: Request, **arguments: Any) -> Response:
        return super().retrieve(request, **arguments)

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(is_active=True)

    @action(detail=False)
    def low_stock(self, request: Request) -> Response:
        """Articles of which there are fewer than there should be. Never cached."""
        few = self.get_queryset().filter(current_stock__lte=F("minimum_stock"))
        return Response(serializers.SKUListSerializer(few, many=True).data)

    @action(detail=True)
    def stock_by_warehouse(self, request: Request, pk: str) -> Response:
        """How many lie where. Never cached."""
        records = StockRecord.objects.filter(sku=self.get_object()).select_related("warehouse")
        return Response(serializers.StockSerializer(records, many=True).data)

    @action(detail=False, methods=["post"])
    def adjust_stock(self, request: Request) -> Response:
        asked = serializers.StockChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            sku = stock.change(**asked.validated_data)
        return Response(self.get_serializer(sku).data)

    @action(detail=False, methods=["post"])
    def transfer_stock(self, request: Request) -> Response:
        asked = serializers.StockMoveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        moved = asked.validated_data
        with transaction.atomic():
            stock.change(moved["sku"], moved["source"], -moved["quantity"])
            sku = stock.change(moved["sku"], moved["target"], moved["quantity"])
        return Response(self.get_serializer(sku).data)
