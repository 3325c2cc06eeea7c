"""Cache-Status: what the cache did, as a structured field (RFC 9211 and RFC 9651)."""

from __future__ import annotations

import math
import re
from typing import Literal, TypeAlias
from urllib.parse import quote

Forward: TypeAlias = Literal["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]
"""Why the view was asked."""

_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_MAX_INTEGER = 999_999_999_999_999


def cache_status(
    forward: Forward | None = None,
    *,
    ttl: float | None = None,
    stored: bool = False,
    collapsed: bool = False,
    key: str | None = None,
    detail: str | None = None,
) -> str:
    """
    Write this cache's member of Cache-Status. Append it to what is there: the member nearest to the client is the last.

    Args:
        forward: why the view was asked; None for a hit.
        ttl: for how long the answer remains fresh, in seconds, rounded down; negative for a stale one.
        stored: the answer was stored.
        collapsed: the request waited for another one's answer. Says something of misses only.
        key: under which the answer is stored. It tells how keys are built, and part of who asked: leave it out of
            answers to the public.
        detail: one more word, for example the reason of a decision.

    Returns:
        For example ``hitrate; hit; ttl=30``, ``hitrate; fwd=miss; stored`` or ``hitrate; fwd=method; detail=method``.
    """
    if forward is key is detail is None and ttl is not None and 0 <= ttl <= _MAX_INTEGER:
        # Nearly every time; below it takes three times as long.
        return f"hitrate; hit; ttl={int(ttl)}"
    parts = ["hitrate", "hit" if forward is None else f"fwd={forward}"]
    if ttl is not None and not math.isnan(ttl):
        parts.append(f"ttl={math.floor(max(-_MAX_INTEGER, min(ttl, _MAX_INTEGER)))}")
    if forward is not None:
        parts += [name for name, holds in (("stored", stored), ("collapsed", collapsed)) if holds]
    if key is not None:
        parts.append(f"key={_string(key)}")
    if detail is not None:
        parts.append(f"detail={detail if _TOKEN.fullmatch(detail) else _string(detail)}")
    return "; ".join(parts)


def forward_of(reason: str) -> Forward:
    """The word of RFC 9211 for a reason that `may_serve()` gives; the reason itself goes into ``detail``."""
    if reason in {"method", "method-override"}:
        return "method"
    return "request" if reason == "request" else "bypass"


def _string(text: str) -> str:
    """A quoted string. What it cannot hold is percent-encoded, and the percent sign with it."""
    plain = quote(text, safe=_PRINTABLE, errors="surrogatepass")
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'
