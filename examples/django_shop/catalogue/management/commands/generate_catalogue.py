"""Fill the database with a plausible catalogue."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.generator import generate, remove_catalogue
from catalogue.models import Product


class Command(BaseCommand):
    """``manage.py generate_catalogue --products 5000 --seed 7``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--products", type=int, default=5000, help="how many (default: 5000)")
        parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same catalogue (default: 7)")
        parser.add_argument("--replace", action="store_true", help="delete the catalogue that is there first")

    def handle(self, *, products: int, seed: int, replace: bool, **options: Any) -> None:
        if products < 1:
            raise CommandError(f"--products is {products}; give at least 1")
        if replace:
            remove_catalogue()
        elif Product.objects.exists():
            raise CommandError("there is a catalogue already; add --replace to delete it and make a new one")
        started = time.monotonic()
        with _progress() as progress:
            task = progress.add_task("products", total=products)
            counts = generate(products, seed, advance=lambda step: progress.advance(task, step))
        self.stdout.write(
            f"{counts.products:,} products, {counts.variants:,} variants, {counts.categories} categories, "
            f"{counts.colors} colours, seed {seed}, in {time.monotonic() - started:.1f} s"
        )


def _progress() -> Any:
    """A bar on stderr, drawn on a terminal only."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        raise CommandError("the progress bar needs rich; run 'pip install rich'") from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
