"""Fill the database with two plausible tenants."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from core.models import Tenant
from django.core.management.base import BaseCommand, CommandError

from generator.houses import PASSWORD, expected_rows, generate, remove
from generator.vocabulary import HOUSES


class Command(BaseCommand):
    """``manage.py generate_erp --employees 200 --seed 7``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--employees", type=int, default=200, help="how many in each tenant (default: 200)")
        parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same rows (default: 7)")
        parser.add_argument("--replace", action="store_true", help="delete the tenants of an earlier run first")

    def handle(self, *, employees: int, seed: int, replace: bool, **options: Any) -> None:
        if employees < 1:
            raise CommandError(f"--employees is {employees}; give at least 1")
        if replace:
            remove()
        elif Tenant.objects.filter(subdomain__in=[house.subdomain for house in HOUSES]).exists():
            raise CommandError("the tenants are there already; add --replace to delete them and make new ones")
        started, made = time.monotonic(), 0
        with _progress() as progress:
            task = progress.add_task("rows", total=expected_rows(employees))

            def advance(step: int) -> None:
                nonlocal made
                made += step
                progress.advance(task, step)

            generate(employees, seed, advance=advance)
        self.stdout.write(f"{made:,} rows in 2 tenants, seed {seed}, in {time.monotonic() - started:.1f} s")
        for house in HOUSES:
            accounts = ", ".join(f"{name} ({role})" for name, role in house.accounts)
            self.stdout.write(f"{house.name}, subdomain {house.subdomain!r}: {accounts}; password {PASSWORD!r}")


def _progress() -> Any:
    """A bar on stderr, drawn on a terminal only."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        raise CommandError("the progress bar needs rich; run 'pip install rich'") from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
