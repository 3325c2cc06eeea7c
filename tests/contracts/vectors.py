"""The golden vectors, and the Python values that they stand for."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

VECTORS = json.loads((Path(__file__).parent.parent / "data/contracts/vectors.json").read_text("utf-8"))

READ: dict[str, Callable[[Any], Any]] = {
    "int": lambda value: int(value["value"]),
    "float": lambda value: float(value["value"]),
    "decimal": lambda value: Decimal(value["value"]),
    "uuid": lambda value: UUID(value["value"]),
    "date": lambda value: date.fromisoformat(value["value"]),
    "datetime": lambda value: datetime.fromisoformat(value["value"]),
    "bytes": lambda value: base64.b64decode(value["base64"]),
    "tuple": lambda value: tuple(map(plain, value["items"])),
    "set": lambda value: set(map(plain, value["items"])),
    "dict": lambda value: dict(map(plain, pair) for pair in value["items"]),
    "OrderedDict": lambda value: OrderedDict(map(plain, pair) for pair in value["items"]),
    "rest_framework.ReturnDict": lambda value: ReturnDict(map(plain, value["items"]), serializer=None),
    "rest_framework.ReturnList": lambda value: ReturnList(map(plain, value["items"]), serializer=None),
    "surrogate_str": lambda value: b"".join(unit.to_bytes(2, "little") for unit in value["utf16_code_units"]).decode(
        "utf-16-le", "surrogatepass"
    ),
}


def plain(value: Any) -> Any:
    """What a value of the vectors stands for in Python."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$type" in value:
        return READ[value["$type"]](value)
    return {name: plain(item) for name, item in value.items()}
