"""`rate_limit`: how often a path operation may be asked, as a dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal

from fastapi import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from hitrate.asgi.gate import Gate
from hitrate.cache import Cache
from hitrate.fastapi.lifespan import cache_of
from hitrate.gates import LISTS, By, Telling
from hitrate.http.address import ForwardedHeader
from hitrate.limits import Decision, Limit

# Of the body that `HTTPException` gets, not of ours.
_OF_BODY = frozenset({"Content-Type", "Vary"})


def rate_limit(
    limits: str | Limit | Iterable[str | Limit] | Mapping[str, str | Limit],
    *,
    by: By | Mapping[str, By] = "ip",
    trusted_proxies: Iterable[str] = (),
    forwarded_header: ForwardedHeader | None = None,
    methods: str | Iterable[str] | None = None,
    cost: int = 1,
    name: str | None = None,
    algorithm: Literal["fixed_window", "sliding_window", "sliding_log", "gcra", "once"] = "sliding_window",
    on_error: Literal["memory", "allow", "deny", "raise"] = "memory",
    workers: int = 1,
    shadow: bool = False,
    headers: bool = True,
    legacy_headers: bool = False,
    cache: Cache | None = None,
) -> Callable[[HTTPConnection, Response], Awaitable[Decision | None]]:
    """
    Make a dependency that limits how often a path operation may be asked: ``Depends(rate_limit("5/s, 100/minute"))``.

    Who asks more often gets status 429, as ``HTTPException``, so that the application's own handler may say it in its
    words. The operation may be given the `hitrate.Decision`; it is None for requests that no limit is about, and for
    websockets, which are let through.

    Args:
        limits: as `hitrate.RateLimiter` takes them. All are judged in one round trip.
        by: whom they are about, as of `hitrate.asgi.RateLimitMiddleware`, but that functions are given the request.
        trusted_proxies: networks of the proxies whose headers tell the client's address.
        forwarded_header: ``"x-forwarded-for"`` or ``"forwarded"``: the one that they write; both by default.
        methods: of requests that are counted; all by default.
        cost: requests that a call counts as.
        name: what is limited. Operations with the same name share their limits; each path counts for itself by default.
        algorithm: as of `hitrate.RateLimiter`, as are `on_error` and `workers`.
        on_error: what is decided while the server is away.
        workers: processes that share the limits while each counts for itself.
        shadow: count and report, and refuse nobody.
        headers: tell clients how things stand, by ``RateLimit-Policy`` and ``RateLimit``.
        legacy_headers: ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (in seconds), too.
        cache: whose server counts; the application's by default, see `lifespan`.

    Raises:
        ConfigError: an argument that cannot be meant.
    """
    gate = Gate(
        limits,
        by=by,
        trusted_proxies=trusted_proxies,
        forwarded_header=forwarded_header,
        methods=methods,
        cost=cost,
        shadow=shadow,
        telling=Telling(headers, legacy_headers, None),
        asker=Request,
        algorithm=algorithm,
        on_error=on_error,
        workers=workers,
    )

    async def limited(connection: HTTPConnection, response: Response) -> Decision | None:
        if connection.scope["type"] != "http":
            return None
        place = name or _path(connection)
        decision = await gate.decide(connection.scope, place, cache or cache_of(connection))
        refused = gate.refusal({**connection.scope, "headers": []}, place, decision)
        if refused is not None:
            told = {name: value for name, value in refused.headers if name not in _OF_BODY}
            raise HTTPException(refused.status, refused.body.decode().strip(), told)
        for field, value in gate.lines(decision):
            before = response.headers.get(field) if field in LISTS else None
            response.headers[field] = value if before is None else f"{before}, {value}"
        return decision

    return limited


def _path(connection: HTTPConnection) -> str:
    scope = connection.scope
    route: Any = scope.get("route")
    context = scope.get("fastapi", {}).get("effective_route_context")
    return str(getattr(context, "path_format", "") or getattr(route, "path_format", "") or scope["path"])
