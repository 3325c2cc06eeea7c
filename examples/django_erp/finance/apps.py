"""Expense requests and advances."""

from __future__ import annotations

from django.apps import AppConfig


class FinanceConfig(AppConfig):
    """The application `finance`."""

    name = "finance"
