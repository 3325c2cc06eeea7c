"""How the shop stores maps and lists: as text of JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def written(value: Any) -> Any:
    """
    Return what is stored: maps and lists as JSON, in which a `Decimal` is a number, as it is in answers.

    Raises:
        TypeError: they hold something that JSON does not know.
    """
    return json.dumps(value, default=_number) if isinstance(value, (dict, list)) else value


def read(value: Any) -> Any:
    """Return what was stored; any text that is JSON as what it says."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _number(value: object) -> float:
    """Return a `Decimal` as REST framework writes it; refuse anything else that JSON does not know, as JSON does."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
