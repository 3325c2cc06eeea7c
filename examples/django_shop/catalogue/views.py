"""What everybody reads. Each answer is kept, and a hit is given before REST framework begins; `staff.py` writes."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Abs
from django.http import Http404
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from catalogue import parameters, serializers, shelves
from catalogue.caching import CATEGORIES, COLORS, LISTED, PRODUCT, kept, variant_list_tags
from catalogue.filters import ProductFilter
from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.numbers import ID, whole_number
from catalogue.pagination import ListingPagination
from catalogue.tree import CategoryTree, summary
from hitrate.django import CachedViewMixin


class PublicViewSet(CachedViewMixin, ReadOnlyModelViewSet):
    """
    What the parts of the catalogue have in common.

    Nobody is asked who he is: what depends on that belongs into another viewset. That is what lets `CachedViewMixin`
    answer early.
    """

    noun: str
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    lookup_value_regex = ID
    pagination_class: type[ListingPagination] | None = None

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404:
            raise NotFound(f"{self.noun} not found") from None


class CategoryViewSet(PublicViewSet):
    """The category tree."""

    noun = "Category"
    queryset = Category.objects.all()

    @kept("categories:all", [CATEGORIES])
    def list(self, request: Request) -> Response:
        return Response(CategoryTree().nested())

    @kept("category:{id}", [CATEGORIES])
    def retrieve(self, request: Request, pk: str) -> Response:
        tree = CategoryTree()
        category = tree.by_id.get(int(pk))
        if category is None:
            raise NotFound("Category not found")
        path = [summary(ancestor) for ancestor in tree.path(category.pk)]
        return Response({**summary(category), "path": path, "children": tree.nested(category.pk)})


class ProductColorViewSet(PublicViewSet):
    """The colours."""

    noun = "Color"
    queryset = ProductColor.objects.all()
    serializer_class = serializers.ProductColorSerializer

    @kept("product_colors:all", [COLORS])
    def list(self, request: Request) -> Response:
        return super().list(request)


class ProductVariantViewSet(PublicViewSet):
    """Variants and their stock."""

    noun = "Variant"
    queryset = ProductVariant.objects.select_related("color")
    serializer_class = serializers.ProductVariantSerializer

    # The product is a parameter here, no part of the path, and so it is no part of what the key begins with.
    @kept(
        "product:{id}:variants:list",
        variant_list_tags,
        params=parameters.VARIANT_LIST,
        below="product:variants:list",
    )
    def list(self, request: Request) -> Response:
        if "product_id" not in request.query_params:
            raise ValidationError({"product_id": ["name the product whose variants you want"]})
        product_id = whole_number("product_id", request.query_params["product_id"])
        variants = self.get_queryset().filter(product=product_id)
        return Response(self.get_serializer(variants, many=True).data)


class ProductViewSet(PublicViewSet):
    """Products: listings, pages and what is shown around them."""

    noun = "Product"
    queryset = Product.objects.select_related("category").prefetch_related("variants__color")
    filterset_class = ProductFilter
    pagination_class = ListingPagination

    def get_serializer_class(self) -> type[serializers.ProductListSerializer]:
        return serializers.ProductSerializer if self.action == "retrieve" else serializers.ProductListSerializer

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        if self.action != "list":
            return queryset
        chosen = ProductFilter(parameters.of_listing(self.request.query_params), queryset, request=self.request)
        if not chosen.is_valid():
            raise ValidationError(chosen.errors)
        # Rows of one price have no order of their own: without the id two pages could show the same product.
        return chosen.qs.order_by(*chosen.qs.query.order_by or ["-created_at"], "-id")

    @kept("products:list:{hash}", LISTED, params=parameters.LISTING)
    def list(self, request: Request) -> Response:
        return super().list(request)

    @kept("product:{id}", [PRODUCT, CATEGORIES, COLORS])
    def retrieve(self, request: Request, pk: str) -> Response:
        return super().retrieve(request, pk=pk)

    @action(detail=True)
    @kept("product:{id}:variants", [PRODUCT, COLORS])
    def variants(self, request: Request, pk: str) -> Response:
        return Response(serializers.ProductVariantSerializer(self.get_object().variants.all(), many=True).data)

    @action(detail=True)
    @kept("product:{id}:recommendations", LISTED)
    def recommendations(self, request: Request, pk: str) -> Response:
        """Others of the same category, the nearest in price first."""
        product = self.get_object()
        others = self.get_queryset().filter(category=product.category_id).exclude(pk=product.pk)
        return self._shelf(others.order_by(Abs(F("price") - product.price), "-rating", "id")[:8])

    @action(detail=False)
    @kept("products:top_sellers", LISTED)
    def top_sellers(self, request: Request) -> Response:
        return self._shelf(self.get_queryset().order_by("-sold", "id")[:10])

    @action(detail=False)
    @kept("products:new_arrivals", LISTED)
    def new_arrivals(self, request: Request) -> Response:
        return self._shelf(self.get_queryset().order_by("-created_at", "-id")[:10])

    @action(detail=False)
    @kept("products:personalized:{hash}", LISTED, params=parameters.PERSONALIZED)
    def personalized(self, request: Request) -> Response:
        """The best rated of the categories somebody likes, in stock."""
        return self._shelf(shelves.best_rated(self.get_queryset(), _liked(request))[:10])

    @action(detail=False)
    @kept("products:filters:{hash}", LISTED, params=parameters.FILTERS)
    def filters(self, request: Request) -> Response:
        """What a listing of this category can be narrowed down by."""
        return Response(shelves.filter_options(request.query_params.get("category__slug", "").strip()))

    def _shelf(self, products: QuerySet[Product]) -> Response:
        return Response(serializers.ProductListSerializer(products, many=True).data)


def _liked(request: Request) -> list[int]:
    texts = [text for text in request.query_params.getlist("categories") if text]
    if len(texts) > 20:
        raise ValidationError({"categories": ["name at most 20 categories"]})
    return [whole_number("categories", text) for text in texts]
