"""The key layouts of known systems: their entries as data, functions that build each of their keys, their limits."""

from __future__ import annotations

from hitrate.layouts import django_ecommerce, fastapi_dashboard, nalar, quelyos_api, quelyos_ecommerce
from hitrate.layouts.entry import Entry, Event

__all__ = [
    "Entry",
    "Event",
    "django_ecommerce",
    "fastapi_dashboard",
    "nalar",
    "quelyos_api",
    "quelyos_ecommerce",
]
