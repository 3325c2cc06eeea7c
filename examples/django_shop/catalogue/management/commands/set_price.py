"""Change the price of a product, as a back office would: in a process of its own."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from catalogue.models import Product


class Command(BaseCommand):
    """``manage.py set_price 17 24.90``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", type=int)
        parser.add_argument("price")

    def handle(self, *, product: int, price: str, **options: Any) -> None:
        try:
            found = Product.objects.get(pk=product)
            found.price = Decimal(price)
            found.full_clean()
        except Product.DoesNotExist:
            raise CommandError(f"there is no product {product}") from None
        except (InvalidOperation, ValidationError) as error:
            raise CommandError(f"{price!r} is no price; write it like 24.90") from error
        found.save(update_fields=["price"])
        self.stdout.write(f"{found.name} costs {found.price}")
