"""Organizations, contacts and positions."""

from __future__ import annotations

from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The application `crm`."""

    name = "crm"
