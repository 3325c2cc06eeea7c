"""
Where each answer is kept: keys and lifetimes of the ``django_ecommerce`` layout. Pure: no cache, no database.

The layout hashes query parameters to 32 bits and does not escape them, so that two different questions can share
a key. Each entry therefore carries its whole question, and an entry of another question is a miss (`caching.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

MINUTE = 60

# Everything a listing depends on. Other parameters are ignored, and take no part in the key.
LISTING_PARAMETERS = (
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


@dataclass(frozen=True)
class Place:
    """Where one answer is kept: the cache `key`, the lifetime `ttl` in seconds, and the `question` it answers."""

    key: str
    ttl: int
    question: str


def _fixed(key: str, ttl: int) -> Place:
    return Place(key, ttl, question=key)


def _hashed(name: str, parameters: Mapping[str, str], ttl: int) -> Place:
    pairs = sorted(parameters.items())
    text = "&".join(f"{name}={value}" for name, value in pairs)
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8]
    return Place(f"{name}:{digest}" if text else name, ttl, question=urlencode(pairs))


def categories() -> Place:
    return _fixed("categories:all", 30 * MINUTE)


def category(pk: int) -> Place:
    return _fixed(f"category:{pk}", 30 * MINUTE)


def colors() -> Place:
    return _fixed("product_colors:all", 60 * MINUTE)


def variant_list(product_id: int) -> Place:
    return _fixed(f"product:{product_id}:variants:list", 15 * MINUTE)


def product(pk: int) -> Place:
    return _fixed(f"product:{pk}", 15 * MINUTE)


def product_variants(pk: int) -> Place:
    return _fixed(f"product:{pk}:variants", 15 * MINUTE)


def recommendations(pk: int) -> Place:
    return _fixed(f"product:{pk}:recommendations", 20 * MINUTE)


def top_sellers() -> Place:
    return _fixed("products:top_sellers", 30 * MINUTE)


def new_arrivals() -> Place:
    return _fixed("products:new_arrivals", 15 * MINUTE)


def listing(parameters: Mapping[str, str]) -> Place:
    """The place of a listing; `parameters` as `listing_parameters` returns them."""
    return _hashed("products:list", parameters, 10 * MINUTE)


def listing_parameters(query: Mapping[str, str]) -> dict[str, str]:
    """The known parameters of a query, each with its last value when it is repeated (as ``QueryDict`` reads)."""
    return {name: query[name] for name in LISTING_PARAMETERS if name in query}


def filters(category_slug: str) -> Place:
    return _hashed("products:filters", {"category_slug": category_slug}, 30 * MINUTE)


def personalized(category_ids: Iterable[int]) -> Place:
    """The place of a personal choice. The layout sorts the numbers as text: 10 stands before 9."""
    joined = ",".join(sorted(str(pk) for pk in category_ids))
    return _hashed("products:personalized", {"categories": joined}, 20 * MINUTE)


def of_product(pk: int) -> list[str]:
    """Every key that belongs to one product alone."""
    return [place(pk).key for place in (product, product_variants, variant_list, recommendations)]
