"""
Forgetting what a change in the shop makes wrong: after the commit, in every form, by the keys that are really there.

``hitrate.django`` is imported where it is needed, so that the layout can be read without Django.
"""

from __future__ import annotations

from hitrate._native import escape_glob
from hitrate.layouts.django_ecommerce.failing import attempt
from hitrate.layouts.django_ecommerce.keys import (
    NEW_ARRIVALS,
    TOP_SELLERS,
    product_key,
    recommendations_key,
    variants_key,
    variants_list_key,
)

_LISTS = ("products:list", "products:list:*", "products:filters:*")
_SHELVES = (TOP_SELLERS, NEW_ARRIVALS, "products:personalized:*")
# Those of other products may show this one.
_ALL_RECOMMENDATIONS = recommendations_key("*")


def invalidate_product_cache(product_id: object = None, *, using: str | None = "default") -> int | None:
    """
    Forget every list of products, every recommendation, and what belongs to one product.

    Args:
        product_id: of the product; None: no product's own entries.
        using: alias of the database whose commit is awaited; None: forget now.

    Returns:
        How many keys were deleted; None if that is not known yet: it waits for the commit, or for the server.
    """
    patterns = [*_LISTS, *_SHELVES, _ALL_RECOMMENDATIONS]
    if product_id is not None:
        # An id may come from a request: its `*` stands for itself.
        literal = escape_glob(str(product_id))
        patterns += [key(literal) for key in (product_key, variants_key, variants_list_key)]
    return forget(patterns, using=using)


def invalidate_category_cache(*, using: str | None = "default") -> int | None:
    """Forget categories, and the lists and filters of products; otherwise as `invalidate_product_cache`."""
    return forget(["categories:*", "category:*", *_LISTS], using=using)


def forget(patterns: list[str], *, using: str | None = "default") -> int | None:
    """Forget what matches one of the patterns, otherwise as `invalidate_product_cache`. Never raises."""
    from hitrate.django import invalidate_cache

    return attempt("CLEAR_PATTERN", None, lambda: invalidate_cache(patterns, using=using))
