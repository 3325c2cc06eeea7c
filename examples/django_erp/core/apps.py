"""Tenants, members, and what every part of the ERP shares."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The application `core`."""

    name = "core"

    def ready(self) -> None:
        from core.caching import declare_rules

        declare_rules()
