"""The catalogue application."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Connects the signals that forget cached answers."""

    name = "catalogue"

    def ready(self) -> None:
        from catalogue import checks, signals  # noqa: F401  (importing registers them)
