"""Limits of controllers, and views that are counted once per address."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from hitrate._native import Decision
from hitrate.gates import limiters_of
from hitrate.odoo.address import NETWORK, client_address
from hitrate.odoo.clients import cache_of

Method = TypeVar("Method", bound=Callable[..., Any])
T = TypeVar("T")

_ATTRIBUTE = "_hitrate_asked"


def subject(request: Any, by: Literal["user", "address"] = "user") -> str:
    """
    Tell who is limited: the user who is logged in, else the address; of IPv6 the network of 64 bits that it is in.

    Args:
        request: of Odoo.
        by: ``"address"``: always the address.
    """
    if by == "user" and request.session.uid:
        return f"user:{request.session.uid}"
    return f"ip:{client_address(request.httprequest, ipv6_prefix=NETWORK)}"


def once_per_request(request: Any, name: str, ask: Callable[[], T]) -> T:
    """
    Return what `ask` returned when it was called first in a request.

    After a conflict in the database Odoo runs the whole request again: what counts, or refuses the second time, must
    not be asked again.

    Args:
        request: of Odoo.
        name: of the question.
        ask: called without arguments.
    """
    asked: dict[str, T] = getattr(request, _ATTRIBUTE, None) or {}
    if name not in asked:
        asked[name] = ask()
        setattr(request, _ATTRIBUTE, asked)
    return asked[name]


def rate_limited(
    limits: str,
    *,
    by: Literal["user", "address"] = "user",
    name: str | None = None,
    algorithm: Literal["fixed_window", "sliding_window", "sliding_log", "gcra", "once"] = "sliding_window",
    refuse: Callable[[Decision], Any] | None = None,
) -> Callable[[Method], Method]:
    """
    Limit how often a controller's method is called, for all workers together; stands below ``@route``.

    Args:
        limits: ``"100/minute"``, or several: ``"5/s, 100/minute"``.
        by: who has a limit of his own: the user, and whoever is not logged in by address; or the address alone.
        name: methods of one name share a limit; module and name by default. The database is part of it.
        algorithm: of `hitrate.RateLimiter`.
        refuse: makes the answer of a refused call. By default ``{"success": false, "error": ..., "retry_after":
            seconds}``; of an HTTP route with status 429 and ``Retry-After``.
    """

    def decorate(method: Method) -> Method:
        what = name or f"{method.__module__}.{method.__qualname__}"

        @functools.wraps(method)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            from odoo.http import request

            limiter = limiters_of(limits, algorithm).on(cache_of(request.env))
            who = f"{request.env.cr.dbname}:{what}:{subject(request, by)}"
            decision = once_per_request(request, f"{limits} {who}", lambda: limiter.hit(who))
            if decision.allowed:
                return method(self, *args, **kwargs)
            return refuse(decision) if refuse else refusal(request, decision)

        return cast(Method, call)

    return decorate


def refusal(request: Any, decision: Decision) -> Any:
    """The answer of a refused call, for a route of either kind."""
    seconds = math.ceil(decision.retry_after)
    body = {"success": False, "error": "Too many requests. Please try again later.", "retry_after": seconds}
    if request.dispatcher.routing_type == "http":
        return request.make_json_response(body, headers={"Retry-After": str(seconds)}.items(), status=429)
    return body
