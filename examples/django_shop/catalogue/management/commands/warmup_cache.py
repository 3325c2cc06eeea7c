"""Put into the cache what is asked for most, before anybody asks."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue import warming


class Command(BaseCommand):
    """``manage.py warmup_cache --verbose --host shop.example``."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--verbose", action="store_true", help="Show detailed progress")
        parser.add_argument(
            "--host",
            action="append",
            help="host that clients ask, with its port, several times for several (default: those of ALLOWED_HOSTS)",
        )
        parser.add_argument("--secure", action="store_true", help="clients use HTTPS")

    def handle(self, *, verbose: bool, host: list[str] | None, secure: bool, **options: Any) -> None:
        self.stdout.write("Starting cache warmup...")
        lost: list[str] = []
        for step in warming.steps():
            if verbose and step.title:
                self.stdout.write(f"Caching {step.title}...")
            asked = [(path, name) for path in step.paths for name in host or warming.hosts()]
            missing = [path for path, name in asked if not warming.ask(path, name, secure=secure)]
            lost += missing
            if verbose and not missing:
                self.stdout.write(f"  ✓ {step.done}")
        if lost:
            raise CommandError(
                f"{len(lost)} answers are not in the cache, such as that of {lost[0]}; is the cache server away, or "
                "the cache switched off?"
            )
        self.stdout.write(self.style.SUCCESS("✓ Cache warmup completed successfully!"))
