"""Clear cached answers about products, categories and colours. Sessions and carts stay."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.caching import PRODUCT
from hitrate.django import invalidate_tags
from hitrate.layouts.django_ecommerce import invalidate_product_cache, redis_client

PRODUCTS = ("products:*", "product:*")
CATEGORIES = ("categories:*", "category:*")
COLORS = ("product_colors:*",)


class Command(BaseCommand):
    """``manage.py clear_product_cache --all``; without a flag, products."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="Clear all product and category caches")
        parser.add_argument("--products", action="store_true", help="Clear product caches only")
        parser.add_argument("--categories", action="store_true", help="Clear category caches only")
        parser.add_argument("--colors", action="store_true", help="Clear product color caches")
        parser.add_argument("--product-id", type=int, help="Clear cache for specific product ID")

    def handle(self, *, product_id: int | None, **options: Any) -> None:
        if not redis_client.ping():
            raise CommandError("the cache server does not answer: nothing was cleared")
        if product_id and not options["all"]:
            count = invalidate_product_cache(product_id) or 0
            # The list of its variants stands below no key of the product, and is forgotten by its tag.
            invalidate_tags(PRODUCT.format(pk=product_id))
            self._say(f"Cleared cache for product {product_id} and related caches")
        else:
            count = sum(self._clear(pattern) for pattern in _patterns(options))
        self._say(f"Successfully cleared {count} cache keys")

    def _clear(self, pattern: str) -> int:
        count = redis_client.clear_pattern(pattern)
        self.stdout.write(f"Cleared {count} keys matching '{pattern}'")
        return count

    def _say(self, text: str) -> None:
        self.stdout.write(self.style.SUCCESS(text))


def _patterns(options: dict[str, Any]) -> tuple[str, ...]:
    if options["all"]:
        return (*PRODUCTS, *CATEGORIES, *COLORS)
    chosen = [
        *(PRODUCTS if options["products"] or not (options["categories"] or options["colors"]) else ()),
        *(CATEGORIES if options["categories"] else ()),
        *(COLORS if options["colors"] else ()),
    ]
    return tuple(chosen)
