"""Warehouses, articles and stock as JSON."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from inventory.models import SKU, StockRecord, Warehouse


class WarehouseSerializer(serializers.ModelSerializer):
    """A warehouse."""

    class Meta:
        model = Warehouse
        fields = ["id", "code", "name", "address", "is_default"]
        extra_kwargs = {"code": {"validators": [UniqueValidator(Warehouse.objects)]}}


class SKUListSerializer(serializers.ModelSerializer):
    """An article in a listing."""

    class Meta:
        model = SKU
        fields = ["id", "sku_code", "name", "unit", "current_stock"]


class SKUSerializer(serializers.ModelSerializer):
    """All of an article."""

    class Meta:
        model = SKU
        fields = ["id", "sku_code", "name", "unit", "unit_cost", "minimum_stock", "current_stock"]
        extra_kwargs = {"sku_code": {"validators": [UniqueValidator(SKU.objects)]}}


class StockSerializer(serializers.ModelSerializer):
    """The stock of one warehouse."""

    warehouse_name = serializers.CharField(source="warehouse.name", read_only=True)

    class Meta:
        model = StockRecord
        fields = ["warehouse", "warehouse_name", "quantity"]


class StockChangeSerializer(serializers.Serializer):
    """So many more, or fewer, in one warehouse."""

    sku = serializers.PrimaryKeyRelatedField(queryset=SKU.objects)
    warehouse = serializers.PrimaryKeyRelatedField(queryset=Warehouse.objects)
    quantity = serializers.IntegerField(min_value=-1_000_000, max_value=1_000_000)


class StockMoveSerializer(serializers.Serializer):
    """So many from one warehouse to another."""

    sku = serializers.PrimaryKeyRelatedField(queryset=SKU.objects)
    source = serializers.PrimaryKeyRelatedField(queryset=Warehouse.objects)
    target = serializers.PrimaryKeyRelatedField(queryset=Warehouse.objects)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
