"""Numbers in addresses and queries."""

from __future__ import annotations

import re

from rest_framework.exceptions import ValidationError

# What a primary key looks like in a path and in a query: a number has one spelling, so that an answer is kept once.
# Eighteen digits fit a 64-bit column.
ID = "0|[1-9][0-9]{0,17}"


def whole_number(name: str, text: str, *, lowest: int = 0, highest: int = 10**18 - 1) -> int:
    """
    Read a whole number that a user wrote.

    Raises:
        ValidationError: anything but decimal digits, or a number outside `lowest` to `highest`; answered with a 400.
    """
    if re.fullmatch(ID, text, re.ASCII) and lowest <= int(text) <= highest:
        return int(text)
    raise ValidationError({name: [f"must be a whole number from {lowest} to {highest}"]})
