"""`ResponseCacheMiddleware`: keep the answers of an application."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from hitrate._native import Lease
from hitrate.asgi.address import Addresses, path_key
from hitrate.asgi.capture import START, Capture, Outgoing, Visit, put
from hitrate.asgi.identity import aspects_of, identity
from hitrate.asgi.paths import Paths
from hitrate.asgi.scopes import ASGIApp, Message, Receive, Scope, Send, narrowed_query, route_path
from hitrate.cache import Cache
from hitrate.http import Audience, Clients, Vary
from hitrate.http.facts import READS
from hitrate.lease import Made
from hitrate.responses import Learned, Tags, declare, numbers_of
from hitrate.responses.switch import is_enabled
from hitrate.responses.tasks import aanswer


class ResponseCacheMiddleware:
    """
    Keeps the answers of an application, by the rules of `hitrate.http`.

    What streams, sets cookies, or is marked as private or not to be stored passes as it comes, as do websockets.
    """

    def __init__(
        self,
        app: ASGIApp,
        cache: Cache | Callable[[], Cache],
        *,
        ttl: float = 300,
        key_prefix: str = "asgi",
        paths: Iterable[str] = (),
        exempt: Iterable[str] = (),
        shared: bool = False,
        vary_on: Iterable[str | Callable[[Scope], object]] | str | Callable[[Scope], object] = (),
        params: Collection[str] | None = None,
        tags: Tags = (),
        stale: float = 0,
        stale_on_error: float = 0,
        statuses: Collection[int] = (200,),
        max_body_bytes: int = 1 << 20,
        clients: Clients = "ignore",
        max_age: int | None = None,
        s_maxage: int | None = None,
        lease: float = 10,
        wait: float = 5,
        jitter: float = 0.05,
        enabled: Callable[[], bool] | None = None,
    ) -> None:
        """
        Args:
            app: whose answers are kept.
            cache: where, or a function that returns it at the first request.
            ttl: seconds for which an answer is fresh; less where the answer says so (``max-age``).
            key_prefix: first part of the keys, before the path: ``cache.invalidate("asgi:/products/*")``; see
                `path_key`.
            paths: beginnings of the paths that are concerned; all by default. ``"/products"`` is also
                ``"/products/5"``, and not ``"/products-old"``. They, and the keys, begin below the place where the
                application is mounted (``root_path``).
            exempt: beginnings of paths that are not.
            shared: everybody may be given the answers. Unless it is said, requests with ``Authorization`` or ``Cookie``
                go past, and headers of unknown meaning tell askers apart.
            vary_on: what tells those apart who may get different answers: ``"user"`` (of a middleware outside),
                ``"host"``, ``"header:NAME"``, ``"cookie:NAME"``, another name in the scope or its state, or functions
                of the scope, which may be coroutine functions.
            params: query parameters that matter. Others are kept from the application, too.
            tags: names by which answers are forgotten; or a function of the scope that returns names.
            stale: seconds after `ttl` in which an answer is still served while one request computes it anew.
            stale_on_error: seconds after `ttl` in which it is served when the application raises, or answers 500 and
                above.
            statuses: which are stored.
            max_body_bytes: longest body that is stored, and held back for that.
            clients: whose ``Cache-Control`` in requests is obeyed: nobody's, that of ``"staff"`` (users with
                `is_staff`), or everybody's (``"always"``).
            max_age: seconds for which clients may keep the answer without asking.
            s_maxage: the same for caches between, with ``shared=True`` only.
            lease: seconds after which a rebuild is given up for dead, and another request begins one.
            wait: seconds for which others wait for a rebuild before they compute for themselves.
            jitter: part of `ttl` by which it is shortened at random.
            enabled: asked at every request whether answers are read and kept now; ``HITRATE_ENABLED=0`` stops it in any
                case.

        Raises:
            ConfigError: an argument that cannot be meant.
        """
        several = (vary_on,) if isinstance(vary_on, str) or callable(vary_on) else tuple(vary_on)
        self._aspects = aspects_of(several)
        audience: Audience = "shared" if shared else "identified" if self._aspects else "unknown"
        self._declared = declare(
            ttl=ttl,
            key_prefix=key_prefix,
            audience=audience,
            vary_on=several,
            params=params,
            tags=tags,
            stale=stale,
            stale_on_error=stale_on_error,
            statuses=statuses,
            max_body_bytes=max_body_bytes,
            clients=clients,
            max_age=max_age,
            s_maxage=s_maxage,
            lease=lease,
            wait=wait,
            jitter=jitter,
        )
        self._app, self._cache, self._enabled = app, cache, enabled
        self._paths = Paths(paths, exempt, in_doubt=False)
        self._addresses = Addresses(self._declared.params, tells_strangers=audience == "unknown")
        self._learned, self._numbers = Learned(Vary()), numbers_of(key_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request from the cache, or by the application."""
        if scope["type"] != "http" or scope["method"] not in READS or not self._is_concerned(scope):
            await self._app(scope, receive, send)
            return
        visit = await self._visit(scope)

        async def passing() -> Outgoing:
            await self._run(scope, receive, _passing(visit, send))
            return Outgoing(is_sent=True)

        capture: Capture | None = None

        async def make(lease: Lease | None) -> Made[Outgoing]:
            nonlocal capture
            capture = Capture(visit, lease, send)
            await self._run(scope, receive, capture.send)
            return await capture.end()

        def is_failure(_error: Exception) -> bool:
            # Once the client has an answer, no other one can be sent.
            return capture is None or not capture.is_sent

        outgoing = await aanswer(visit, passing, make, is_failure)
        if not outgoing.is_sent:
            await put(send, outgoing)

    def _is_concerned(self, scope: Scope) -> bool:
        return is_enabled() and (self._enabled is None or self._enabled()) and self._paths.cover(route_path(scope))

    async def _visit(self, scope: Scope) -> Visit:
        declared = self._declared
        cache = self._cache
        if not isinstance(cache, Cache):
            cache = self._cache = cache()
        visit = Visit(declared, scope, learned=self._learned, numbers=self._numbers)
        who = await identity(scope, self._aspects)
        base = path_key(route_path(scope), declared.key_prefix)
        tags = declared.tags
        names: Iterable[Any] = tags(scope) if callable(tags) else tags
        visit.settle(cache, self._addresses.key(scope, base, who, visit.vary), who, names)
        return visit

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, which is shown the declared parameters alone."""
        whole, params = scope["query_string"], self._declared.params
        if params is None or not whole:
            await self._app(scope, receive, send)
            return
        # In place, for middlewares outside look into the scope for what those inside have put there.
        scope["query_string"] = narrowed_query(whole, params)
        try:
            await self._app(scope, receive, send)
        finally:
            scope["query_string"] = whole


def _passing(visit: Visit, send: Send) -> Send:
    async def forward(message: Message) -> None:
        if message["type"] == START:
            outgoing = visit.passed(Outgoing.of(message))
            message = {**message, "headers": outgoing.raw_lines()}
        await send(message)

    return forward
