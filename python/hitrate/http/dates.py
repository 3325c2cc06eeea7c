"""Dates in headers (RFC 9110, section 5.6.7)."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import formatdate

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMATS = (
    re.compile(rf"[A-Za-z]{{3}}, (?P<day>[0-9]{{2}}) (?P<month>[A-Za-z]{{3}}) (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"[A-Za-z]{{6,9}}, (?P<day>[0-9]{{2}})-(?P<month>[A-Za-z]{{3}})-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Za-z]{{3}} (?P<month>[A-Za-z]{{3}}) (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)
# The longest date there is: "Wednesday, 06-Nov-94 08:49:37 GMT" has 33.
_MAX_CHARS = 40


def parse_date(text: str | None, *, now: float) -> int | None:
    """
    Read a date in any of the three formats that HTTP knows.

    Args:
        text: the value of a field, or None.
        now: seconds since 1970; a year of two digits that seems more than 50 years ahead of it is a past one.

    Returns:
        Seconds since 1970, or None for anything that is no date.
    """
    if text is None or len(text) > _MAX_CHARS:
        return None
    match = next(filter(None, (form.fullmatch(text.strip()) for form in _FORMATS)), None)
    if match is None or match["month"].lower() not in _MONTHS:
        return None
    year, month = int(match["year"]), _MONTHS.index(match["month"].lower()) + 1
    if len(match["year"]) == 2:
        year = _full_year(year, datetime.fromtimestamp(now, timezone.utc).year)
    try:
        day, hour, minute, second = (int(match[part]) for part in ("day", "hour", "minute", "second"))
        return int(datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp())
    except ValueError:
        return None


def _full_year(short: int, current: int) -> int:
    year = current - current % 100 + short
    return year - 100 if year > current + 50 else year


def format_date(seconds: float) -> str:
    """Write a date: ``format_date(784111777)`` is ``"Sun, 06 Nov 1994 08:49:37 GMT"``."""
    return formatdate(seconds, usegmt=True)
