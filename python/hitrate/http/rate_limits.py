"""
What clients are told of the limits they have: ``RateLimit-Policy`` and ``RateLimit``.

By draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026), as structured fields of RFC 9651. It is not final, and drafts
before 07 had other fields. Compared with the text of revision 10, and with what others cite of sections 3, 4 and 6 of
revision 11, which made of ``t``, the time until there is more, the effective window.
"""

from __future__ import annotations

import math

from hitrate._native import Decision, Standing

# The largest integer of a structured field.
_MAX_INTEGER = 999_999_999_999_999

Fields = tuple[tuple[str, str], ...]


def rate_limit_fields(decision: Decision, *, legacy: bool = False) -> Fields:
    """
    Write the fields for an answer, whether the call was allowed or not.

    ``t`` is the draft's effective window, the time within which a client can use no more than ``r``: who keeps to that
    is not refused. It is the time until all of a limit is there again, and of a limit that refuses no longer than
    ``Retry-After``, which should not be over before the window is. That of the other limits is not cut to it, though it
    may be longer: the same ``r`` in a shorter time would ask for a burst.

    Args:
        decision: of `hitrate.RateLimiter`. One that names no limits has no fields.
        legacy: ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (seconds from now) too, of the limit that speaks.

    Returns:
        Name and value of each line.
    """
    limits = decision.limits
    fields: Fields = ()
    if limits:
        fields = (
            ("RateLimit-Policy", ", ".join(map(_policy, limits))),
            ("RateLimit", ", ".join(_service_limit(limit, decision) for limit in limits)),
        )
    if legacy:
        fields += (
            ("X-RateLimit-Limit", str(decision.limit)),
            ("X-RateLimit-Remaining", str(decision.remaining)),
            ("X-RateLimit-Reset", str(whole_seconds(decision.reset_after))),
        )
    return fields


def retry_after(decision: Decision) -> int | None:
    """
    The value of ``Retry-After``: whole seconds, rounded up, at least 1.

    None of a call that is allowed, and of one that no wait helps, for it costs more than the limit ever allows.
    """
    if decision.allowed or math.isinf(decision.retry_after):
        return None
    return max(1, whole_seconds(decision.retry_after))


def whole_seconds(seconds: float) -> int:
    """Seconds rounded up, within what a structured field can hold."""
    return math.ceil(min(max(seconds, 0), _MAX_INTEGER))


def _policy(limit: Standing) -> str:
    # Names of limits are ASCII without quotes and backslashes, so they need no escaping. There is no w of less than one
    # second, and a longer window at the same quota promises less.
    return f'"{limit.name}";q={limit.limit};w={max(1, whole_seconds(limit.window))}'


def _service_limit(limit: Standing, decision: Decision) -> str:
    reset = whole_seconds(limit.reset_after)
    wait = retry_after(decision)
    if wait is not None and not limit.allowed:
        reset = min(reset, wait)
    return f'"{limit.name}";r={limit.remaining};t={reset}'
