"""What visitors ask for, read once: values that mean the same become one, and what is not known is left out."""

from __future__ import annotations

import functools
import math

from ..models.ecommerce_catalogue import SORTS

LARGEST_PAGE = 100
MOST_COMPLETIONS = 20
MOST_DAYS = 365
# Of attributes in a filter, and characters in a text.
MOST_VALUES = 100
MOST_CHARS = 100


class InvalidParametersError(Exception):
    """A visitor's parameter that cannot be used."""


def _reading(read):
    """Whatever a parameter that is none makes fail, while it is read, is one error."""

    @functools.wraps(read)
    def call(*given):
        try:
            return read(*given)
        except (AttributeError, OverflowError, TypeError, ValueError) as error:
            raise InvalidParametersError(f"no {read.__name__}") from error

    return call


@_reading
def whole(value):
    """A number that PostgreSQL's integers can hold."""
    number = int(value)
    if not 0 <= number < 2**31:
        raise ValueError("not a number of PostgreSQL")
    return number


@_reading
def text(value):
    """A text of at most so many characters, which PostgreSQL can hold."""
    found = str(value).strip()[:MOST_CHARS]
    found.encode()
    if "\0" in found:
        raise ValueError("not a text of PostgreSQL")
    return found


def completions(limit):
    """So many as are shown at most."""
    return _between(limit, MOST_COMPLETIONS)


def days(value):
    """A length of time that is looked back."""
    return _between(value, MOST_DAYS)


@_reading
def page(params):
    """Of a list ``limit``, ``offset``, ``filters`` and ``sort``, as far as they are given."""
    found = {}
    if "limit" in params:
        found["limit"] = _between(params["limit"], LARGEST_PAGE)
    if "offset" in params:
        found["offset"] = whole(params["offset"])
    if wanted := filters(params.get("filters")):
        found["filters"] = wanted
    if params.get("sort") in SORTS:
        found["sort"] = params["sort"]
    return found


@_reading
def filters(given):
    """Filters that are known and narrow anything."""
    given, found = given or {}, {}
    if category := given.get("category_id"):
        found["category_id"] = whole(category)
    for name in ("price_min", "price_max"):
        if given.get(name) is not None:
            found[name] = _price(given[name])
    if values := given.get("attribute_value_ids"):
        if not isinstance(values, list) or len(values) > MOST_VALUES:
            raise ValueError("not a list of attributes")
        found["attribute_value_ids"] = sorted(set(map(whole, values)))
    if wanted := text(given.get("search") or ""):
        found["search"] = wanted
    return found


@_reading
def pattern(value):
    """A pattern of keys, or None."""
    if value is not None:
        if not isinstance(value, str):
            raise TypeError("not a text")
        value.encode()
    return value


def _price(value):
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a price")
    return int(number) if number.is_integer() else number


@_reading
def _between(value, most):
    return max(1, min(int(value), most))
