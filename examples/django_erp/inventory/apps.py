"""Warehouses, articles and stock."""

from __future__ import annotations

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """The application `inventory`."""

    name = "inventory"
