"""
Which answers are kept, where and for how long: as the layout ``django_ecommerce`` says.

An answer names what it shows, by tags; `rules.py` says which change forgets which tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.http import HttpRequest

from catalogue.numbers import ID
from hitrate.django import cache_api_response
from hitrate.layouts.django_ecommerce import ENTRIES

View = TypeVar("View", bound=Callable[..., Any])

LIFETIMES = {entry.key: entry.ttl for entry in ENTRIES}

# What an answer shows. One product, {pk}, has a tag of its own.
PRODUCTS, CATEGORIES, COLORS = "products", "categories", "colors"
PRODUCT = "product:{pk}"
# A product is shown with the name of its category and the colours of its variants.
LISTED = (PRODUCTS, CATEGORIES, COLORS)


def kept(
    entry: str,
    tags: Iterable[str] | Callable[..., Iterable[str]],
    *,
    params: Iterable[str] = (),
    below: str = "",
) -> Callable[[View], View]:
    """
    Keep the answers of a view, for everybody.

    Args:
        entry: of the layout, whose lifetime they have: ``"product:{id}:variants"``.
        tags: what they show.
        params: query parameters that they depend on; the view sees no others.
        below: the key below which they stand; that of the entry, if not given.
    """
    return cache_api_response(
        timeout=LIFETIMES[entry],
        key_prefix=below or entry.replace("{id}", "{pk}").removesuffix(":{hash}"),
        shared=True,
        params=list(params),
        tags=tags,
    )


def variant_list_tags(request: HttpRequest) -> list[str]:
    """What ``/api/product-variants/?product_id=5`` shows."""
    product_id = request.GET.get("product_id", "")
    # Anything else is refused by the view, and must not make tags out of whatever somebody sends.
    return [PRODUCT.format(pk=product_id), COLORS] if re.fullmatch(ID, product_id, re.ASCII) else []
