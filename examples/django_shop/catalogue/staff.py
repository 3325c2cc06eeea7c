"""What staff changes. The rules of `rules.py` forget what a change makes wrong; no method here mentions the cache."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.http import Http404
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from catalogue import serializers
from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.numbers import ID
from hitrate.django import bulk

MOST_IN_STOCK = 2**31 - 1


class StaffViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, GenericViewSet):
    """What the parts of the catalogue have in common."""

    noun: str
    permission_classes = [IsAdminUser]
    lookup_value_regex = ID

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404:
            raise NotFound(f"{self.noun} not found") from None


class CategoryStaffViewSet(StaffViewSet):
    """Categories."""

    noun = "Category"
    queryset = Category.objects.all()
    serializer_class = serializers.CategorySerializer


class ProductColorStaffViewSet(StaffViewSet):
    """Colours."""

    noun = "Color"
    queryset = ProductColor.objects.all()
    serializer_class = serializers.ProductColorSerializer


class ProductVariantStaffViewSet(StaffViewSet):
    """Variants, and how many of each there are."""

    noun = "Variant"
    queryset = ProductVariant.objects.select_related("color")
    serializer_class = serializers.ProductVariantSerializer

    @action(detail=True, methods=["post"])
    def reduce_stock(self, request: Request, pk: str) -> Response:
        return self._change_stock(request, int(pk), -1)

    @action(detail=True, methods=["post"])
    def increase_stock(self, request: Request, pk: str) -> Response:
        return self._change_stock(request, int(pk), 1)

    def _change_stock(self, request: Request, pk: int, sign: int) -> Response:
        asked = serializers.QuantitySerializer(data=request.data)
        if not asked.is_valid():
            return Response({"error": "quantity must be a whole number from 1 to 10,000"}, status=400)
        quantity = asked.validated_data["quantity"]
        enough = {"stock__gte": quantity} if sign < 0 else {"stock__lte": MOST_IN_STOCK - quantity}
        with transaction.atomic():
            # One conditional UPDATE, so that two buyers cannot both take the last piece. It sends no signal; the
            # helper sees to what the rules say.
            rows = ProductVariant.objects.filter(pk=pk, **enough)
            changed = bulk.update(rows, stock=F("stock") + sign * quantity)
            variant = self.get_object()
        if not changed:
            return Response({"error": f"{variant.stock} in stock, {quantity} asked for"}, status=400)
        return Response(self.get_serializer(variant).data)


class ProductStaffViewSet(StaffViewSet):
    """Products, and how they are rated."""

    noun = "Product"
    queryset = Product.objects.select_related("category").prefetch_related("variants__color")
    serializer_class = serializers.ProductSerializer

    @action(detail=True, methods=["post"])
    def rate(self, request: Request, pk: str) -> Response:
        """Count one more rating, as the reviews of another service come in."""
        asked = serializers.RatingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            product = self.get_object()
            product.rate(asked.validated_data["stars"])
            product.refresh_from_db(fields=["rating", "rating_count"])
        return Response({"id": product.pk, "rating": str(product.rating), "rating_count": product.rating_count})
