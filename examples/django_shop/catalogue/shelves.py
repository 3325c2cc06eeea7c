"""Questions about many products at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from rest_framework.exceptions import NotFound

from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.serializers import ProductColorSerializer, price_text
from catalogue.tree import CategoryTree


def best_rated(products: QuerySet[Product], category_ids: Iterable[int]) -> QuerySet[Product]:
    """The products in stock of these categories and those below them (of all, when none is named), best first."""
    wanted = list(category_ids)
    if wanted:
        tree = CategoryTree()
        products = products.filter(category__in={below for pk in wanted for below in tree.below(pk)})
    in_stock = Exists(ProductVariant.objects.filter(product=OuterRef("pk"), stock__gt=0))
    return products.filter(in_stock).order_by("-rating", "-rating_count", "id")


def filter_options(slug: str) -> dict[str, Any]:
    """
    Brands, colours, sizes and the price range of a category and those below it.

    Args:
        slug: of the category; empty for the whole catalogue.

    Raises:
        NotFound: no category has this slug.
    """
    products = Product.objects.all()
    if slug:
        category = Category.objects.filter(slug=slug).first()
        if category is None:
            raise NotFound("Category not found")
        products = products.filter(category__in=CategoryTree().below(category.pk))
    variants = ProductVariant.objects.filter(product__in=products)
    prices = products.aggregate(lowest=Min("price"), highest=Max("price"))
    colors = ProductColor.objects.filter(Exists(variants.filter(color=OuterRef("pk"))))
    storages = variants.exclude(storage="").order_by("storage").values_list("storage", flat=True).distinct()
    brands = products.order_by("brand").values("brand").annotate(products=Count("id"))
    return {
        "price": {name: None if price is None else price_text(price) for name, price in prices.items()},
        "brands": [{"name": row["brand"], "products": row["products"]} for row in brands],
        "colors": ProductColorSerializer(colors, many=True).data,
        "storages": list(storages),
    }
