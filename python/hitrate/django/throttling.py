"""
REST framework's throttles, counted in one step: replace ``rest_framework.throttling`` by ``hitrate.django.throttling``.

Settings, attributes and methods to override are REST framework's. What they count is `hitrate.RateLimiter`'s: by the
server's clock, for all processes at once, and without an exception while the server is away. It stands under keys of
its own, so that workers with REST framework's throttles can run beside.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Any, ClassVar, Literal

from rest_framework import throttling
from rest_framework.throttling import BaseThrottle

from hitrate.django.addresses import address_of, trusted_proxies
from hitrate.django.aliases import client_behind
from hitrate.gates import limiters_of, subject_name
from hitrate.limits import LARGEST_LOG, Decision

__all__ = ["AnonRateThrottle", "BaseThrottle", "ScopedRateThrottle", "SimpleRateThrottle", "UserRateThrottle"]

logger = logging.getLogger("hitrate")

# What a name of a limit cannot hold.
_STRANGE = re.compile(r"[^!#-\[\]-z|~]")
_LONGEST_NAME = 64


class SimpleRateThrottle(throttling.SimpleRateThrottle):
    """
    A throttle that needs a `get_cache_key()`, as REST framework's class of this name.

    Attributes:
        algorithm: of `hitrate.RateLimiter`. By default ``"sliding_log"``, which counts exactly as REST framework does,
            and ``"sliding_window"`` above 1,000 requests, whose times are too many to keep.
        on_error: of `hitrate.RateLimiter`; ``"memory"`` by default.
        workers: of `hitrate.RateLimiter`.
        max_staleness: of `hitrate.RateLimiter`.
        shadow: it counts and reports, and refuses nobody.
        decision: what was decided about the request; None before, and where nothing was to be decided.

    ``timer`` is not asked, and there is no ``history``: the server has both.
    """

    algorithm: ClassVar[Literal["fixed_window", "sliding_window", "sliding_log", "gcra"] | None] = None
    on_error: ClassVar[Literal["memory", "allow", "deny"]] = "memory"
    workers: ClassVar[int] = 1
    max_staleness: ClassVar[float] = 1
    shadow: ClassVar[bool] = False
    decision: Decision | None = None
    num_requests: int
    duration: float

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count a request; False if it is refused."""
        if self.rate is None:
            return True
        self.key = self.get_cache_key(request, view)
        if self.key is None:
            return True
        self.decision = self._decide(self.key)
        if self.decision.allowed:
            return bool(self.throttle_success())
        if self.shadow:
            logger.info("%s would refuse a request, by %s", type(self).__qualname__, self.rate)
            return True
        return bool(self.throttle_failure())

    def throttle_success(self) -> bool:
        """Called when a request is allowed, which is counted then."""
        return True

    def wait(self) -> float | None:
        """Return the seconds after which the same request is allowed; None if it never is."""
        if self.decision is None:
            # Nothing was asked of the server, so what REST framework makes of its attributes holds.
            return super().wait()
        return None if math.isinf(self.decision.retry_after) else self.decision.retry_after

    def get_ident(self, request: Any) -> str:
        """
        Tell who asks, if no user is known.

        The client's address, if ``HITRATE_TRUSTED_PROXIES`` says who is believed; else REST framework's reading of
        ``X-Forwarded-For``, by ``NUM_PROXIES``.
        """
        if trusted_proxies():
            return address_of(request)
        return super().get_ident(request)

    def _decide(self, key: str) -> Decision:
        count, window = self.num_requests, self.duration
        if count < 1:
            # A rate of "0/day" is REST framework's way to say that nobody may.
            return Decision(allowed=False, limit=0, remaining=0, reset_after=window, retry_after=math.inf)
        algorithm = self.algorithm or ("sliding_log" if count <= LARGEST_LOG else "sliding_window")
        name = _STRANGE.sub("-", str(self.scope or "throttle"))[:_LONGEST_NAME]
        options = {"on_error": self.on_error, "workers": self.workers, "max_staleness": self.max_staleness}
        # Named after the scope, so that a rate that is changed goes on with what was counted.
        found = limiters_of((count, window), algorithm, name=name, **options)
        return found.on(client_behind(self.cache)).hit(subject_name(str(key)))


class AnonRateThrottle(throttling.AnonRateThrottle, SimpleRateThrottle):
    """Limits requests without a user, by address."""


class UserRateThrottle(throttling.UserRateThrottle, SimpleRateThrottle):
    """Limits requests by user, and those without one by address."""


class ScopedRateThrottle(throttling.ScopedRateThrottle, SimpleRateThrottle):
    """Limits requests to views with the same ``throttle_scope``, by user or address."""
