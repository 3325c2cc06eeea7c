"""The Django app. Needed for nothing but the system checks, which run for certain only when the app is installed."""

from __future__ import annotations

from django.apps import AppConfig


class HitrateConfig(AppConfig):
    """``INSTALLED_APPS = ["hitrate.django", ...]``."""

    name = "hitrate.django"
    label = "hitrate"
    verbose_name = "hitrate cache"
