"""Endpoints of the catalogue. Each cached method names the place of its answer; `signals.py` says what is forgotten."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Abs
from django.http import Http404
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue import caching, keys, serializers, shelves
from catalogue.filters import ProductFilter
from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.numbers import ID, whole_number
from catalogue.pagination import ListingPagination
from catalogue.tree import CategoryTree, summary

MOST_IN_STOCK = 2**31 - 1


class CatalogueViewSet(viewsets.ModelViewSet):
    """What the four parts of the catalogue have in common."""

    noun: str
    lookup_value_regex = ID
    pagination_class: type[ListingPagination] | None = None

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404:
            raise NotFound(f"{self.noun} not found") from None


class CategoryViewSet(CatalogueViewSet):
    """The category tree."""

    noun = "Category"
    queryset = Category.objects.all()
    serializer_class = serializers.CategorySerializer

    @caching.cached(lambda request: keys.categories())
    def list(self, request: Request) -> Response:
        return Response(CategoryTree().nested())

    @caching.cached(lambda request, pk: keys.category(int(pk)))
    def retrieve(self, request: Request, pk: str) -> Response:
        tree = CategoryTree()
        category = tree.by_id.get(int(pk))
        if category is None:
            raise NotFound("Category not found")
        path = [summary(ancestor) for ancestor in tree.path(category.pk)]
        return Response({**summary(category), "path": path, "children": tree.nested(category.pk)})


class ProductColorViewSet(CatalogueViewSet):
    """The colours."""

    noun = "Color"
    queryset = ProductColor.objects.all()
    serializer_class = serializers.ProductColorSerializer

    @caching.cached(lambda request: keys.colors())
    def list(self, request: Request) -> Response:
        return super().list(request)


def _variant_list_place(request: Request) -> keys.Place | None:
    text = request.query_params.get("product_id")
    return None if text is None else keys.variant_list(whole_number("product_id", text))


class ProductVariantViewSet(CatalogueViewSet):
    """Variants and their stock."""

    noun = "Variant"
    queryset = ProductVariant.objects.select_related("color")
    serializer_class = serializers.ProductVariantSerializer

    @caching.cached(_variant_list_place)
    def list(self, request: Request) -> Response:
        if "product_id" not in request.query_params:
            raise ValidationError({"product_id": ["name the product whose variants you want"]})
        variants = self.get_queryset().filter(product=int(request.query_params["product_id"]))
        return Response(self.get_serializer(variants, many=True).data)

    @action(detail=True, methods=["post"])
    def reduce_stock(self, request: Request, pk: str) -> Response:
        return self._change_stock(request, int(pk), -1)

    @action(detail=True, methods=["post"])
    def increase_stock(self, request: Request, pk: str) -> Response:
        return self._change_stock(request, int(pk), 1)

    def _change_stock(self, request: Request, pk: int, sign: int) -> Response:
        asked = serializers.QuantitySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        quantity = asked.validated_data["quantity"]
        enough = {"stock__gte": quantity} if sign < 0 else {"stock__lte": MOST_IN_STOCK - quantity}
        with transaction.atomic():
            # One conditional UPDATE, so that two buyers cannot both take the last piece.
            changed = ProductVariant.objects.filter(pk=pk, **enough).update(stock=F("stock") + sign * quantity)
            variant = self.get_object()
            if changed:
                caching.forget_product(variant.product_id)  # update() sends no signal
        if not changed:
            return Response({"error": f"{variant.stock} in stock, {quantity} asked for"}, status=400)
        return Response(self.get_serializer(variant).data)


def _personalized_ids(request: Request) -> list[int]:
    texts = [text for text in request.query_params.getlist("categories") if text]
    if len(texts) > 20:
        raise ValidationError({"categories": ["name at most 20 categories"]})
    return [whole_number("categories", text) for text in texts]


def _category_slug(request: Request) -> str:
    return str(request.query_params.get("category__slug", "")).strip()


class ProductViewSet(CatalogueViewSet):
    """Products: listings, pages and what is shown around them."""

    noun = "Product"
    queryset = Product.objects.select_related("category").prefetch_related("variants__color")
    filterset_class = ProductFilter
    pagination_class = ListingPagination

    def get_serializer_class(self) -> type[serializers.ProductListSerializer]:
        shown_alone = self.action in ("retrieve", "create", "update", "partial_update")
        return serializers.ProductSerializer if shown_alone else serializers.ProductListSerializer

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        if self.action != "list":
            return queryset
        chosen = ProductFilter(keys.listing_parameters(self.request.query_params), queryset, request=self.request)
        if not chosen.is_valid():
            raise ValidationError(chosen.errors)
        # Rows of one price have no order of their own: without the id two pages could show the same product.
        return chosen.qs.order_by(*chosen.qs.query.order_by or ["-created_at"], "-id")

    @caching.cached(lambda request: keys.listing(keys.listing_parameters(request.query_params)))
    def list(self, request: Request) -> Response:
        return super().list(request)

    @caching.cached(lambda request, pk: keys.product(int(pk)))
    def retrieve(self, request: Request, pk: str) -> Response:
        return super().retrieve(request, pk=pk)

    @action(detail=True)
    @caching.cached(lambda request, pk: keys.product_variants(int(pk)))
    def variants(self, request: Request, pk: str) -> Response:
        return Response(serializers.ProductVariantSerializer(self.get_object().variants.all(), many=True).data)

    @action(detail=True)
    @caching.cached(lambda request, pk: keys.recommendations(int(pk)))
    def recommendations(self, request: Request, pk: str) -> Response:
        """Others of the same category, the nearest in price first."""
        product = self.get_object()
        others = self.get_queryset().filter(category=product.category_id).exclude(pk=product.pk)
        return self._shelf(others.order_by(Abs(F("price") - product.price), "-rating", "id")[:8])

    @action(detail=False)
    @caching.cached(lambda request: keys.top_sellers())
    def top_sellers(self, request: Request) -> Response:
        return self._shelf(self.get_queryset().order_by("-sold", "id")[:10])

    @action(detail=False)
    @caching.cached(lambda request: keys.new_arrivals())
    def new_arrivals(self, request: Request) -> Response:
        return self._shelf(self.get_queryset().order_by("-created_at", "-id")[:10])

    @action(detail=False)
    @caching.cached(lambda request: keys.personalized(_personalized_ids(request)))
    def personalized(self, request: Request) -> Response:
        """The best rated of the categories somebody likes, in stock."""
        return self._shelf(shelves.best_rated(self.get_queryset(), _personalized_ids(request))[:10])

    @action(detail=False)
    @caching.cached(lambda request: keys.filters(_category_slug(request)))
    def filters(self, request: Request) -> Response:
        """What a listing of this category can be narrowed down by."""
        return Response(shelves.filter_options(_category_slug(request)))

    def _shelf(self, products: QuerySet[Product]) -> Response:
        return Response(serializers.ProductListSerializer(products, many=True).data)
