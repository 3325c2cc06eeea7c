"""The catalogue as JSON. Prices are text ("19.90"), so that they stay exact; images are paths without a host."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from catalogue.models import Category, Product, ProductColor, ProductVariant


class CategorySerializer(serializers.ModelSerializer):
    """A category as staff writes it; answers to readers come from the tree (``views.CategoryViewSet``)."""

    class Meta:
        model = Category
        fields = ["id", "name", "slug", "parent", "position"]

    def validate_parent(self, parent: Category | None) -> Category | None:
        above = parent
        while above is not None:
            if self.instance is not None and above.pk == self.instance.pk:
                raise serializers.ValidationError("a category cannot stand below itself")
            above = above.parent
        return parent


class CategorySummarySerializer(serializers.ModelSerializer):
    """A category inside a product."""

    class Meta:
        model = Category
        fields = ["id", "name", "slug"]


class ProductColorSerializer(serializers.ModelSerializer):
    """A colour."""

    class Meta:
        model = ProductColor
        fields = ["id", "name", "hex_code"]


class ProductVariantSerializer(serializers.ModelSerializer):
    """A variant; `color` is read as an object and written as `color_id`."""

    color = ProductColorSerializer(read_only=True)
    color_id = serializers.PrimaryKeyRelatedField(queryset=ProductColor.objects.all(), source="color", write_only=True)

    class Meta:
        model = ProductVariant
        fields = ["id", "product", "color", "color_id", "storage", "sku", "price", "stock"]


class ProductListSerializer(serializers.ModelSerializer):
    """A product in a listing. Wants its variants and their colours prefetched."""

    category = CategorySummarySerializer(read_only=True)
    image = serializers.SerializerMethodField()
    colors = serializers.SerializerMethodField()
    highest_price = serializers.SerializerMethodField()
    in_stock = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "slug",
            "brand",
            "category",
            "price",
            "highest_price",
            "rating",
            "rating_count",
            "colors",
            "in_stock",
            "image",
            "created_at",
        ]

    def get_image(self, product: Product) -> str | None:
        return f"{settings.MEDIA_URL}{product.image}" if product.image else None

    def get_colors(self, product: Product) -> list[dict[str, Any]]:
        colors = {variant.color_id: variant.color for variant in product.variants.all()}
        return [{"name": color.name, "hex_code": color.hex_code} for color in colors.values()]

    def get_highest_price(self, product: Product) -> str:
        return price_text(max((variant.price for variant in product.variants.all()), default=product.price))

    def get_in_stock(self, product: Product) -> bool:
        return any(variant.stock for variant in product.variants.all())


class ProductSerializer(ProductListSerializer):
    """A product on its own page, with all its variants."""

    category_id = serializers.PrimaryKeyRelatedField(
        queryset=Category.objects.all(), source="category", write_only=True
    )
    variants = ProductVariantSerializer(many=True, read_only=True)

    class Meta(ProductListSerializer.Meta):
        fields = [*ProductListSerializer.Meta.fields, "category_id", "description", "sold", "variants"]
        read_only_fields = ["rating", "rating_count", "sold", "created_at"]


class QuantitySerializer(serializers.Serializer):
    """How many pieces."""

    quantity = serializers.IntegerField(min_value=1, max_value=10_000)


class RatingSerializer(serializers.Serializer):
    """What somebody thinks of a product."""

    stars = serializers.IntegerField(min_value=1, max_value=5)


class CartLineSerializer(QuantitySerializer):
    """A variant and how many of it."""

    variant = serializers.PrimaryKeyRelatedField(queryset=ProductVariant.objects.all())


def price_text(price: Decimal) -> str:
    """A price as REST framework writes a ``DecimalField``: with both decimals, and without a float between."""
    return str(price.quantize(Decimal("0.01")))
