"""`RateLimitMiddleware`: how often an application may be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from hitrate.asgi.capture import BODY, START
from hitrate.asgi.gate import Gate
from hitrate.asgi.paths import Paths
from hitrate.asgi.scopes import ASGIApp, Message, Receive, Scope, Send, route_path
from hitrate.cache import Cache
from hitrate.gates import LISTS, By, Telling
from hitrate.http import Refused
from hitrate.http.address import ForwardedHeader
from hitrate.http.refusal import RefusalLayout
from hitrate.limits import Limit


class RateLimitMiddleware:
    """
    Limits how often an application may be asked; who asks more often gets status 429.

    All limits are judged in one round trip. Websockets are not counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        cache: Cache | Callable[[], Cache],
        limits: str | Limit | Iterable[str | Limit] | Mapping[str, str | Limit],
        *,
        by: By | Mapping[str, By] = "ip",
        trusted_proxies: Iterable[str] = (),
        forwarded_header: ForwardedHeader | None = None,
        paths: Iterable[str] = (),
        exempt: Iterable[str] = (),
        methods: str | Iterable[str] | None = None,
        cost: int = 1,
        name: str = "asgi",
        algorithm: Literal["fixed_window", "sliding_window", "sliding_log", "gcra", "once"] = "sliding_window",
        on_error: Literal["memory", "allow", "deny", "raise"] = "memory",
        workers: int = 1,
        shadow: bool = False,
        headers: bool = True,
        legacy_headers: bool = False,
        layout: RefusalLayout | None = None,
    ) -> None:
        """
        Args:
            app: that is limited.
            cache: whose server counts, or a function that returns it at the first request.
            limits: as `hitrate.RateLimiter` takes them: ``"100/m"``, ``"5/s, 100/m"``, a dict of several by name.
            by: whom they are about. ``"ip"``: the client's address. ``"user"``: the user in the scope, and whom nobody
                knows by his address. ``"header:X-Api-Key"``: what this header holds, and who sends none, or several
                lines of it, by his address. A function of the scope, which may be a coroutine function, returns a text,
                or None for requests that the limit is not about. Or a dict, with one of these for the name of each
                limit.
            trusted_proxies: networks of the proxies whose headers tell the client's address, ``"10.0.0.0/8"``;
                ``"unix"`` for whoever connects to a Unix socket.
            forwarded_header: ``"x-forwarded-for"`` or ``"forwarded"``: the one that they write; both by default.
            paths: beginnings of the paths that are counted, below the place where the application is mounted
                (``root_path``); all by default.
            exempt: beginnings of paths that are not.
            methods: of requests that are counted; all by default.
            cost: requests that a call counts as.
            name: what is limited. Middlewares with the same name share their limits.
            algorithm: as of `hitrate.RateLimiter`, as are `on_error` and `workers`.
            on_error: what is decided while the server is away.
            workers: processes that share the limits while each counts for itself.
            shadow: count and report, and refuse nobody: to try limits out.
            headers: tell clients how things stand, by ``RateLimit-Policy`` and ``RateLimit``.
            legacy_headers: ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (in seconds), too.
            layout: refuse with the body of a known system.

        Raises:
            ConfigError: an argument that cannot be meant.
        """
        self._app, self._cache, self._name = app, cache, name
        self._paths = Paths(paths, exempt, in_doubt=True)
        self._gate = Gate(
            limits,
            by=by,
            trusted_proxies=trusted_proxies,
            forwarded_header=forwarded_header,
            methods=methods,
            cost=cost,
            shadow=shadow,
            telling=Telling(headers, legacy_headers, layout),
            asker=lambda scope: scope,
            algorithm=algorithm,
            on_error=on_error,
            workers=workers,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http" or not self._paths.cover(route_path(scope)):
            await self._app(scope, receive, send)
            return
        cache = self._cache
        if not isinstance(cache, Cache):
            cache = self._cache = cache()
        decision = await self._gate.decide(scope, self._name, cache)
        refused = self._gate.refusal(scope, self._name, decision)
        if refused is not None:
            await _refuse(send, refused, has_body=scope["method"] != "HEAD")
            return
        lines = self._gate.lines(decision)
        await self._app(scope, receive, _telling(send, lines) if lines else send)


async def _refuse(send: Send, refused: Refused, *, has_body: bool) -> None:
    pairs = [*_raw(refused.headers), (b"content-length", str(len(refused.body)).encode())]
    await send({"type": START, "status": refused.status, "headers": pairs})
    await send({"type": BODY, "body": refused.body if has_body else b""})


def _telling(send: Send, lines: Iterable[tuple[str, str]]) -> Send:
    """Write how things stand into an answer on its way."""

    async def tell(message: Message) -> None:
        if message["type"] == START:
            given = list(message.get("headers", ()))
            for name, value in _raw(lines):
                at = next((at for at, pair in enumerate(given) if pair[0] == name), None)
                if at is None:
                    given.append((name, value))
                elif name in _LISTS:
                    # Of several limits that were declared one by one, the lists go on.
                    given[at] = (name, given[at][1] + b", " + value)
                else:
                    given[at] = (name, value)
            message = {**message, "headers": given}
        await send(message)

    return tell


_LISTS = frozenset(name.lower().encode() for name in LISTS)


def _raw(lines: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
