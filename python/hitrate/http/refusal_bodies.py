"""The bodies with which the original systems refused a call, for clients that read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hitrate._native import Decision, Standing
from hitrate.http.rate_limits import retry_after, whole_seconds


class Original(NamedTuple):
    """How a system refused: its status, what makes the body, and whether that was written as ASCII alone."""

    status: int
    body: Callable[[Decision], dict[str, Any]]
    is_ascii: bool


def nalar(decision: Decision) -> dict[str, Any]:
    """The words of REST framework's `Throttled`."""
    wait = retry_after(decision)
    text = "Request was throttled."
    return {"detail": text if wait is None else f"{text} Expected available in {in_seconds(wait)}."}


def quelyos_api(decision: Decision) -> dict[str, Any]:
    """``retry_after`` is the time after which the call is allowed, in whole seconds."""
    window = _window(decision)
    return {
        "success": False,
        "error": "Too many requests. Please try again later.",
        "error_code": "RATE_LIMIT_EXCEEDED",
        "retry_after": retry_after(decision) or window,
        "limit": decision.limit,
        "window": window,
    }


def quelyos_ecommerce(decision: Decision) -> dict[str, Any]:
    """The original always named the whole window."""
    return {
        "success": False,
        "error": "Trop de requêtes. Veuillez réessayer plus tard.",
        "retry_after": _window(decision),
    }


# The last one answered 200.
ORIGINALS: Mapping[str, Original] = {
    "nalar": Original(429, nalar, is_ascii=False),
    "quelyos_api": Original(429, quelyos_api, is_ascii=True),
    "quelyos_ecommerce": Original(200, quelyos_ecommerce, is_ascii=True),
}


def in_seconds(number: int) -> str:
    """A number of seconds in words."""
    return f"{number} second{'' if number == 1 else 's'}"


def _window(decision: Decision) -> int:
    limit = _speaker(decision)
    return whole_seconds(decision.reset_after if limit is None else limit.window)


def _speaker(decision: Decision) -> Standing | None:
    """The limit whose numbers the decision has."""
    numbers = (decision.limit, decision.reset_after)
    return next((limit for limit in decision.limits if (limit.limit, limit.reset_after) == numbers), None)
