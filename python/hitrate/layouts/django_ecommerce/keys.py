"""
The keys of the shop "E-Commerce" (dinhhoang235): ``ecommerce:{version}:{key}``, for lists an MD5 cut to 8 digits.

Every function returns the key that code hands to Django's cache; `redis_key` is what the server holds then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hitrate._native import PairsLayout, last_values
from hitrate.layouts.entry import Entry, Event

__all__ = [
    "CATEGORIES",
    "CATEGORY_CHANGED",
    "COLORS",
    "COLORS_CHANGED",
    "DEFAULT_TTL",
    "ENTRIES",
    "HELPER_PRODUCT_TTL",
    "NEW_ARRIVALS",
    "OTHER_PRODUCT_CHANGED",
    "PREFIX",
    "PRODUCT_CHANGED",
    "PRODUCT_CREATED",
    "TOP_SELLERS",
    "USER_CHANGED",
    "cart_key",
    "category_key",
    "category_products_key",
    "filters_key",
    "generate_cache_key",
    "personalized_key",
    "product_key",
    "product_list_key",
    "recommendations_key",
    "redis_key",
    "variants_key",
    "variants_list_key",
]

PREFIX = "ecommerce"
DEFAULT_TTL = 300
# What the helper cache_product() writes under the key of a product, where the view writes 900.
HELPER_PRODUCT_TTL = 600

CATEGORIES = "categories:all"
COLORS = "product_colors:all"
TOP_SELLERS = "products:top_sellers"
NEW_ARRIVALS = "products:new_arrivals"

PRODUCT_CREATED = Event("product created")
# Its variants and its stock, too.
PRODUCT_CHANGED = Event("product changed or deleted", ("id",))
# Recommendations show other products.
OTHER_PRODUCT_CHANGED = Event("another product changed or deleted")
COLORS_CHANGED = Event("color changed")
CATEGORY_CHANGED = Event("category changed")
USER_CHANGED = Event("user changed", ("id",))

_ANY_PRODUCT = (PRODUCT_CREATED, PRODUCT_CHANGED, COLORS_CHANGED)

ENTRIES = (
    Entry(CATEGORIES, 1800, (CATEGORY_CHANGED,)),
    Entry("category:{id}", 1800, (CATEGORY_CHANGED,)),
    Entry("category:{id}:products", 900, (CATEGORY_CHANGED,)),
    Entry(COLORS, 3600, (COLORS_CHANGED,)),
    Entry("products:list", 600, (*_ANY_PRODUCT, CATEGORY_CHANGED)),
    Entry("products:list:{hash}", 600, (*_ANY_PRODUCT, CATEGORY_CHANGED)),
    Entry("products:filters:{hash}", 1800, (*_ANY_PRODUCT, CATEGORY_CHANGED)),
    Entry("products:personalized:{hash}", 1200, _ANY_PRODUCT),
    Entry(TOP_SELLERS, 1800, _ANY_PRODUCT),
    Entry(NEW_ARRIVALS, 900, _ANY_PRODUCT),
    Entry("product:{id}", 900, (PRODUCT_CHANGED,)),
    Entry("product:{id}:variants", 900, (PRODUCT_CHANGED,)),
    Entry("product:{id}:variants:list", 900, (PRODUCT_CHANGED,)),
    Entry("product:{id}:recommendations", 1200, (*_ANY_PRODUCT, OTHER_PRODUCT_CHANGED)),
    Entry("cart:user:{id}", 1800, (USER_CHANGED,)),
)

_LIST = PairsLayout("=", "&", shows="digest", digits=8)


def redis_key(key: str, *, version: int = 1) -> str:
    """The key as Redis holds it."""
    return f"{PREFIX}:{version}:{key}"


@_LIST.function
def generate_cache_key(prefix: str, **kwargs: Any) -> str:  # type: ignore[empty-body]  # it is native
    """
    The key of a list that parameters choose.

    Args:
        prefix: first part of the key, for example ``"products:list"``.
        kwargs: the parameters, as text by ``str()``; those that are None do not count.

    Returns:
        ``{prefix}:{hash}``, the hash being the first 8 hex digits of the MD5 of ``name=value&name=value`` by name;
        without parameters the bare prefix.

    Raises:
        TypeError: a parameter is called ``prefix``.
        UnicodeEncodeError: a lone surrogate in a parameter.
    """


def product_list_key(query: str) -> str:
    """
    The key of ``/api/products/``.

    Args:
        query: the raw query string. Every parameter counts, a repeated one by its last value.

    Raises:
        TypeError: a parameter is called ``prefix``.
    """
    return generate_cache_key("products:list", **last_values(query))


def personalized_key(categories: Iterable[str]) -> str:
    """The key of ``/api/products/personalized/``, for the values of ``categories`` in any order."""
    return generate_cache_key("products:personalized", categories=",".join(sorted(categories)))


def filters_key(query: str) -> str:
    """The key of ``/api/products/filters/``: of the query string, ``category__slug`` alone counts."""
    slug = last_values(query).get("category__slug", "").strip()
    return generate_cache_key("products:filters", category_slug=slug)


def category_key(category_id: object) -> str:
    """The key of one category."""
    return f"category:{category_id}"


def category_products_key(category_id: object) -> str:
    """The key of the products of a category."""
    return f"category:{category_id}:products"


def product_key(product_id: object) -> str:
    """The key of one product."""
    return f"product:{product_id}"


def variants_key(product_id: object) -> str:
    """The key of ``/api/products/{id}/variants/``."""
    return f"product:{product_id}:variants"


def variants_list_key(product_id: object) -> str:
    """The key of ``/api/product-variants/?product_id={id}``."""
    return f"product:{product_id}:variants:list"


def recommendations_key(product_id: object) -> str:
    """The key of what is recommended beside a product."""
    return f"product:{product_id}:recommendations"


def cart_key(user_id: object) -> str:
    """The key of a user's cart."""
    return f"cart:user:{user_id}"
