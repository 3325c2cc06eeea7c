"""Purchase orders."""

from __future__ import annotations

from django.apps import AppConfig


class ProcurementConfig(AppConfig):
    """The application `procurement`."""

    name = "procurement"
