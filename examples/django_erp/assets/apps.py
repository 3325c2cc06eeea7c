"""Assets and their maintenance."""

from __future__ import annotations

from django.apps import AppConfig


class AssetsConfig(AppConfig):
    """The application `assets`."""

    name = "assets"
