"""Departments and employees."""

from __future__ import annotations

from django.apps import AppConfig


class HrConfig(AppConfig):
    """The application `hr`."""

    name = "hr"
