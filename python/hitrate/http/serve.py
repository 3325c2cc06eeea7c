"""May this request be answered from the cache? (RFC 9111, sections 4 and 5.2.1.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hitrate.http.cache_control import CacheControl
from hitrate.http.facts import Policy, Request

Bypass: TypeAlias = Literal[
    "method", "method-override", "request-body", "authorization", "cookie", "precondition", "request"
]
"""Why a request goes past the cache: stable words, for statistics and for Cache-Status."""


@dataclass(frozen=True, slots=True)
class Serving:
    """
    What a request takes.

    Attributes:
        allowed: an answer from the cache, if `accepts()` it.
        reason: why not; None if allowed.
        only_if_cached: without one, it wants status 504 instead of a computed answer.
        max_age: oldest answer it takes, in seconds; None for any.
        min_fresh: for how long the answer must remain fresh, in seconds.
    """

    allowed: bool
    reason: Bypass | None = None
    only_if_cached: bool = False
    max_age: int | None = None
    min_fresh: int = 0

    def accepts(self, *, age: float, ttl: float) -> bool:
        """
        Whether it takes an answer of this age.

        Args:
            age: in seconds.
            ttl: for how long it remains fresh, in seconds; negative for a stale one that the policy would serve.
        """
        return (self.max_age is None or age <= self.max_age) and (not self.min_fresh or ttl >= self.min_fresh)


ANYTHING = Serving(allowed=True)


def may_serve(request: Request, policy: Policy) -> Serving:
    """
    Decide whether a request may be answered from the cache, before looking there.

    Range is no reason against it: the full answer is always right. If-Match and If-Unmodified-Since are left to the
    view.
    """
    if refusal := request.refusal or policy.credential(request):
        return Serving(allowed=False, reason=refusal)
    headers = request.headers
    if "if-match" in headers or "if-unmodified-since" in headers:
        return Serving(allowed=False, reason="precondition")
    if not policy.obeys(request):
        return ANYTHING
    text = headers.get("cache-control")
    if text is None:
        pragma = CacheControl.parse(headers.get("pragma"))
        return Serving(allowed=False, reason="request") if "no-cache" in pragma else ANYTHING
    control = CacheControl.parse(text)
    max_age = control.seconds("max-age")
    only_if_cached = "only-if-cached" in control
    if "no-cache" in control or max_age == 0:
        return Serving(allowed=False, reason="request", only_if_cached=only_if_cached)
    min_fresh = control.seconds("min-fresh") or 0
    return Serving(allowed=True, only_if_cached=only_if_cached, max_age=max_age, min_fresh=min_fresh)
