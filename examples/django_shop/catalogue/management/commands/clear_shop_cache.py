"""Remove everything that stands under the shop's key prefix, sessions and carts included."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import cache
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """``manage.py clear_shop_cache``. Keys of others on the same server stay, as they would not with ``clear()``."""

    help = __doc__

    def handle(self, **options: Any) -> None:
        # BaseCache has no delete_pattern; catalogue/checks.py makes sure that this backend does.
        removed = cast(Any, cache).delete_pattern("*")
        self.stdout.write(f"{removed} keys removed")
