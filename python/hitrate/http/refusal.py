"""The answer to a call that a rate limit refuses: status 429 (RFC 6585), when to come back, and a readable body."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hitrate._native import Decision
from hitrate.exceptions import ConfigError
from hitrate.http.answer import Pairs
from hitrate.http.fields import MAX_CHARS, split_list
from hitrate.http.rate_limits import rate_limit_fields, retry_after
from hitrate.http.refusal_bodies import ORIGINALS, Original, in_seconds

RefusalLayout: TypeAlias = Literal["nalar", "quelyos_api", "quelyos_ecommerce"]
"""A known system whose clients expect its own body."""

PROBLEM = "application/problem+json"
JSON = "application/json"
TEXT = "text/plain"
# Of draft-ietf-httpapi-ratelimit-headers-11.
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
TITLE = "Request cannot be satisfied as assigned quota has been exceeded"


@dataclass(frozen=True, slots=True)
class Refused:
    """
    What to send.

    Attributes:
        status: the code.
        headers: all of them, Content-Type included, without Content-Length.
        body: the content.
    """

    status: int
    headers: Pairs
    body: bytes


def refused(
    decision: Decision, *, accept: str | None = None, legacy: bool = False, layout: RefusalLayout | None = None
) -> Refused:
    """
    Answer a call that was refused.

    Args:
        decision: of `hitrate.RateLimiter`.
        accept: value of the request's Accept. ``application/problem+json`` (RFC 9457) where it names that, the same as
            ``application/json`` where it names that, and plain text for everybody else.
        legacy: ``X-RateLimit-*`` too.
        layout: the body, and the status, with which a known system refused.

    Raises:
        ConfigError: `layout` is unknown.
    """
    wait = retry_after(decision)
    status, kind, body = _problem(decision, wait, accept) if layout is None else _of(layout, decision)
    headers: Pairs = (("Content-Type", kind), ("Cache-Control", "no-store"))
    if layout is None:
        headers += (("Vary", "Accept"),)
    if wait is not None:
        headers += (("Retry-After", str(wait)),)
    return Refused(status, headers + rate_limit_fields(decision, legacy=legacy), body)


def _problem(decision: Decision, wait: int | None, accept: str | None) -> tuple[int, str, bytes]:
    detail = "It costs more than is ever allowed." if wait is None else f"Expected available in {in_seconds(wait)}."
    kind = negotiated(accept)
    if kind == TEXT:
        return 429, f"{TEXT}; charset=utf-8", f"Too many requests. {detail}\n".encode()
    problem = {
        "type": QUOTA_EXCEEDED,
        "title": TITLE,
        "status": 429,
        "detail": detail,
        "violated-policies": list(decision.violated),
    }
    return 429, kind, json.dumps(problem).encode()


def negotiated(accept: str | None) -> str:
    """Which of the kinds a client asked for by name; plain text if none, or if it would rather have something else."""
    if not accept or len(accept) > MAX_CHARS:
        return TEXT
    weights = dict(_weighed(member) for member in split_list(accept))
    best = max((PROBLEM, JSON), key=lambda kind: weights.get(kind, 0.0))
    weight = weights.get(best, 0.0)
    others = [weights.get(kind, 0.0) for kind in (TEXT, "text/html")]
    return best if weight > 0 and weight >= max(others) else TEXT


def _weighed(member: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in member.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return kind.lower(), 0.0
            return kind.lower(), weight if math.isfinite(weight) else 0.0
    return kind.lower(), 1.0


def _of(layout: str, decision: Decision) -> tuple[int, str, bytes]:
    found = original_of(layout)
    return found.status, JSON, json.dumps(found.body(decision), ensure_ascii=found.is_ascii).encode()


def original_of(layout: str) -> Original:
    """
    How a known system refused.

    Raises:
        ConfigError: it is not known.
    """
    found = ORIGINALS.get(layout)
    if found is None:
        raise ConfigError(f"unknown layout {layout!r:.100}; use {', '.join(map(repr, sorted(ORIGINALS)))}")
    return found
