"""What a listing can be narrowed down by."""

from __future__ import annotations

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.tree import CategoryTree


class ProductFilter(django_filters.FilterSet):
    """Parameters of ``GET /api/products/``; all are named in ``parameters.LISTING`` too."""

    search = django_filters.CharFilter(method="filter_search", max_length=80)
    category = django_filters.ModelChoiceFilter(queryset=Category.objects.all(), method="filter_category")
    category__slug = django_filters.ModelChoiceFilter(
        queryset=Category.objects.all(), to_field_name="slug", method="filter_category"
    )
    brand = django_filters.CharFilter(max_length=60)
    color = django_filters.ModelChoiceFilter(queryset=ProductColor.objects.all(), method="filter_variant")
    storage = django_filters.CharFilter(method="filter_variant", max_length=20)
    min_price = django_filters.NumberFilter(field_name="price", lookup_expr="gte", min_value=0, max_digits=10)
    max_price = django_filters.NumberFilter(field_name="price", lookup_expr="lte", min_value=0, max_digits=10)
    in_stock = django_filters.BooleanFilter(method="filter_in_stock")
    ordering = django_filters.OrderingFilter(
        fields={"price": "price", "rating": "rating", "sold": "sold", "created_at": "created_at"}
    )

    class Meta:
        model = Product
        fields: list[str] = []

    def filter_search(self, products: QuerySet[Product], name: str, text: str) -> QuerySet[Product]:
        for word in text.split():
            products = products.filter(Q(name__icontains=word) | Q(brand__icontains=word))
        return products

    def filter_category(self, products: QuerySet[Product], name: str, category: Category) -> QuerySet[Product]:
        return products.filter(category__in=CategoryTree().below(category.pk))

    def filter_variant(self, products: QuerySet[Product], name: str, value: object) -> QuerySet[Product]:
        return products.filter(Exists(ProductVariant.objects.filter(product=OuterRef("pk"), **{name: value})))

    def filter_in_stock(self, products: QuerySet[Product], name: str, wanted: bool) -> QuerySet[Product]:
        available = Exists(ProductVariant.objects.filter(product=OuterRef("pk"), stock__gt=0))
        return products.filter(available if wanted else ~available)
