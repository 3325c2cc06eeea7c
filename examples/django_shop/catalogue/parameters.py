"""The parameters that answers depend on. Others are neither in a key nor seen by a view."""

from __future__ import annotations

from collections.abc import Mapping

LISTING = (
    "page",
    "limit",
    "offset",
    "search",
    "category",
    "category__slug",
    "color",
    "storage",
    "brand",
    "min_price",
    "max_price",
    "in_stock",
    "ordering",
)
FILTERS = ("category__slug",)
PERSONALIZED = ("categories",)
VARIANT_LIST = ("product_id",)


def of_listing(query: Mapping[str, str]) -> dict[str, str]:
    """The known parameters of a listing, each with its last value when it is repeated (as ``QueryDict`` reads)."""
    return {name: query[name] for name in LISTING if name in query}
