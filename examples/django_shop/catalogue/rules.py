"""What a change of a row forgets. Answers name what they show (`caching.py`), so that each rule is one line."""

from __future__ import annotations

from catalogue.caching import CATEGORIES, COLORS, PRODUCT, PRODUCTS
from catalogue.models import Category, Product, ProductColor, ProductVariant
from hitrate.django import invalidate_tags, register, tag


def declare() -> None:
    """Register the rules, once all models are loaded."""
    register(Product, [tag(PRODUCT), tag(PRODUCTS)])
    # Stock and prices of variants show wherever their product does. One that moves forgets both products.
    register(ProductVariant, [tag("product:{product}"), tag(PRODUCTS)])
    register(Category, tag(CATEGORIES))
    register(ProductColor, tag(COLORS))


def forget_catalogue() -> None:
    """After the commit, forget every answer: each has one of these tags. For changes of the whole catalogue."""
    invalidate_tags(PRODUCTS, CATEGORIES, COLORS)
