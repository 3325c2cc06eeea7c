"""May this answer be stored? (RFC 9111, section 3, and Django's cache middleware; the stricter of the two.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hitrate.http.cache_control import CacheControl, delta_seconds
from hitrate.http.dates import parse_date
from hitrate.http.facts import NEVER_STORED, Policy, Request, Response
from hitrate.http.fields import Headers
from hitrate.http.vary import Vary

Refusal: TypeAlias = Literal[
    "method",
    "method-override",
    "request-body",
    "authorization",
    "cookie",
    "head",
    "range",
    "request-no-store",
    "status",
    "streaming",
    "too-large",
    "content-range",
    "set-cookie",
    "no-cache",
    "malformed",
    "no-store",
    "private",
    "vary",
    "encoding",
    "cors",
    "expired",
]
"""Why an answer is not stored: stable words, for statistics and for Cache-Status."""


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Whether an answer is stored.

    Attributes:
        stored: it may be.
        reason: why not; None if it may be.
        ttl: for how long it is fresh from now on, in seconds.
        age: how old it was when it came, in seconds: what a view got from a cache elsewhere.
    """

    stored: bool
    reason: Refusal | None = None
    ttl: float = 0
    age: int = 0


def may_store(request: Request, response: Response, policy: Policy, *, now: float) -> Decision:
    """
    Decide whether an answer may be stored.

    Args:
        request: what was asked.
        response: what the view answered.
        policy: what was declared about it.
        now: seconds since 1970.
    """
    text = response.headers.get("cache-control")
    control = CacheControl.parse(text)
    # Readers that know no quoted strings (Django is one) find directives within them. What they obey is obeyed.
    readings = (control, CacheControl.parse(text.replace('"', " "))) if text and '"' in text else (control,)
    refusal = (
        request.refusal
        or policy.credential(request)
        or _asked(request, policy)
        or _answered(response, policy)
        or next(filter(None, map(_forbidden, readings)), None)
        or _told_apart(response.headers)
    )
    if refusal:
        return Decision(stored=False, reason=refusal)
    # The first of several counts (RFC 9111, section 5.1).
    age = delta_seconds((response.headers.get("age") or "").partition(",")[0].strip())
    ttl = _lifetime(response.headers, control, policy, now) - age
    if ttl <= 0 or any(reading.seconds("max-age") == 0 for reading in readings):
        return Decision(stored=False, reason="expired")
    return Decision(stored=True, ttl=ttl, age=age)


def _asked(request: Request, policy: Policy) -> Refusal | None:
    if request.method == "HEAD":
        return "head"
    if "range" in request.headers:
        return "range"
    if policy.obeys(request) and "no-store" in CacheControl.parse(request.headers.get("cache-control")):
        return "request-no-store"
    return None


def _answered(response: Response, policy: Policy) -> Refusal | None:
    if response.status not in policy.statuses or response.status in NEVER_STORED:
        return "status"
    if response.body_bytes is None:
        return "streaming"
    return "too-large" if response.body_bytes > policy.max_body_bytes else _marked(response)


def _marked(response: Response) -> Refusal | None:
    """Whether a header other than Cache-Control and Vary marks it as nothing to store."""
    if "content-range" in response.headers:
        return "content-range"
    if response.sets_cookies or "set-cookie" in response.headers or "set-cookie2" in response.headers:
        return "set-cookie"
    # HTTP 1.0's word for it, which some applications still answer with.
    if "no-cache" in CacheControl.parse(response.headers.get("pragma")):
        return "no-cache"
    return None


def _forbidden(control: CacheControl) -> Refusal | None:
    """Forms with arguments (``private="x-user"``) forbid a field only; here they forbid the answer."""
    if control.is_cut:
        return "malformed"
    if "no-store" in control:
        return "no-store"
    if "private" in control:
        return "private"
    return "no-cache" if "no-cache" in control else None


def _told_apart(headers: Headers) -> Refusal | None:
    """Whether it depends on more of the request than it says."""
    vary = Vary.parse(headers.get("vary"))
    if vary.is_any:
        return "vary"
    if (headers.get("content-encoding") or "identity").lower() != "identity" and "accept-encoding" not in vary:
        return "encoding"
    if (headers.get("access-control-allow-origin") or "*") != "*" and "origin" not in vary:
        return "cors"
    return None


def _lifetime(headers: Headers, control: CacheControl, policy: Policy, now: float) -> float:
    """Seconds: what the answer says (RFC 9111, section 4.2.1), at most what was declared."""
    said = None if policy.audience == "identified" else control.seconds("s-maxage")
    if said is None:
        said = control.seconds("max-age")
    if said is None and "expires" in headers:
        expires = parse_date(headers.get("expires"), now=now)
        sent = parse_date(headers.get("date"), now=now)
        said = 0 if expires is None else int(expires - (now if sent is None else sent))
    return policy.ttl if said is None else min(policy.ttl, said)
