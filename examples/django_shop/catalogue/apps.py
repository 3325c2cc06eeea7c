"""The catalogue application."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Says what a change forgets, and what is worth having in the cache before anybody asks."""

    name = "catalogue"

    def ready(self) -> None:
        from catalogue import rules, warming  # noqa: F401  (importing warming registers what it offers)

        rules.declare()
