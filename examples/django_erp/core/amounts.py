"""Amounts of money as text."""

from __future__ import annotations

from decimal import Decimal


def amount_text(amount: Decimal | None) -> str:
    """The sum of a query, with its cents, which SQLite leaves out; None, the sum of no rows, is nothing."""
    return f"{amount or 0:.2f}"
