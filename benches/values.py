"""What is cached in the comparison, and where."""

from __future__ import annotations

import json
from typing import Any

KEY = "product:1"
TTL = 300  # seconds
ONE_KB = 1024


def product(number: int = 1) -> dict[str, Any]:
    """A dictionary that is 1,024 bytes as JSON, and about as many as a pickle."""
    value: dict[str, Any] = {
        "id": number,
        "sku": f"SHOE-{number:06}",
        "name": "Trail running shoe",
        "price": "129.90",
        "stock": 42,
        "is_active": True,
        "category": "shoes",
        "colours": ["black", "blue", "white"],
        "rating": 4.6,
        "updated_at": "2026-11-20T10:00:00Z",
        "description": "",
    }
    text = "Light and well cushioned, with a grip that holds on wet rock and soft ground. "
    missing = ONE_KB - len(json.dumps(value))
    value["description"] = (text * (missing // len(text) + 1))[:missing]
    return value
