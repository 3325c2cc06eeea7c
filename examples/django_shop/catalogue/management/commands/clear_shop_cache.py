"""Remove everything that stands under the shop's key prefix, sessions and carts included."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import cache
from django.core.management.base import BaseCommand

from hitrate.django import RedisCache


class Command(BaseCommand):
    """``manage.py clear_shop_cache``. Keys of others on the same server stay."""

    help = __doc__

    def handle(self, **options: Any) -> None:
        removed = cast(RedisCache, cache).delete_pattern("*")
        self.stdout.write(f"{removed} keys removed")
