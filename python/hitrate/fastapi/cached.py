"""A cached path operation: what is declared about it, and how it is asked."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hitrate._native import Lease
from hitrate.asgi.address import Addresses
from hitrate.asgi.identity import Aspect, aspects_of, identity
from hitrate.asgi.scopes import narrowed_query
from hitrate.cache import Cache
from hitrate.fastapi.arguments import ARGUMENTS, Arguments, Given, by_argument
from hitrate.fastapi.lifespan import cache_of
from hitrate.fastapi.operation import Operation, operation_route
from hitrate.fastapi.visit import Visit
from hitrate.http.text import bounded, escaped
from hitrate.lease import Made
from hitrate.responses import Declared, numbers_of
from hitrate.responses.switch import is_enabled
from hitrate.responses.tasks import aanswer


def is_failure(error: Exception) -> bool:
    """Whether the operation failed; else what it raised is its answer (not found, not allowed, not valid)."""
    status = getattr(error, "status_code", 500)
    return not isinstance(status, int) or status >= 500


class CachedOperation:
    """
    A function whose rendered answers are kept.

    Args:
        function: of the operation.
        declared: about its answers.
        vary_on: what tells askers apart.
        cache: where answers are kept; None: the application's.
        older_by: seconds by which what it reads may be older than its call.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        declared: Declared,
        vary_on: tuple[Any, ...],
        cache: Cache | Callable[[], Cache] | None,
        older_by: float,
    ) -> None:
        self._function, self._declared, self._cache, self._older_by = function, declared, cache, older_by
        self._is_async = inspect.iscoroutinefunction(function)
        self._aspects = aspects_of(vary_on, asker=Request, named=by_argument)
        self._named = frozenset(name.split(".")[0] for name in vary_on if isinstance(name, str))
        self._addresses = Addresses(declared.params, tells_strangers=declared.policy.audience == "unknown")
        # Where a dependency may have read anything of the request.
        self._whole_addresses = Addresses(None, tells_strangers=not declared.shared)
        self._numbers = numbers_of(f"{function.__module__}.{function.__qualname__}")
        # By the route's identity, which the operation keeps alive.
        self._operations: dict[int, tuple[Operation, tuple[Aspect, ...]]] = {}

    async def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run the function as FastAPI would."""
        if self._is_async:
            return await self._function(*args, **kwargs)
        return await run_in_threadpool(self._function, *args, **kwargs)

    async def answer(
        self, request: Request, response: Response, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """
        Answer a request from the cache, or by running the function.

        Args:
            request: to the operation.
            response: on which its dependencies have set headers.
            args: of the function, by position.
            kwargs: of the function, by name.
        """
        if not is_enabled():
            return await self.run(args, kwargs)
        operation, aspects = self._operation(request)
        visit = await self._visit(request, response, kwargs, operation, aspects)

        async def passing() -> Any:
            result = await self._run_narrowed(request, args, kwargs)
            if isinstance(result, Response):
                return visit.passed(visit.own(result))
            visit.passed(response)
            return result

        async def make(lease: Lease | None) -> Made[Response]:
            result = await self._run_narrowed(request, args, kwargs)
            is_own = isinstance(result, Response)
            made = visit.own(result) if is_own else await operation.render(request, response, result)
            kept = visit.judge(made)
            return visit.made(made, was_stored=kept is not None and await visit.place.akeep_response(lease, *kept))

        return await aanswer(visit, passing, make, is_failure)

    def _operation(self, request: Request) -> tuple[Operation, tuple[Aspect, ...]]:
        route = operation_route(request)
        found = self._operations.get(id(route))
        if found is None:
            params = self._declared.params
            is_said = self._declared.policy.audience != "unknown"
            operation = Operation(route, is_async=self._is_async, named=self._named, params=params, is_said=is_said)
            cookies = aspects_of(f"cookie:{name}" for name in operation.cookies)
            found = self._operations[id(route)] = operation, (*self._aspects, *cookies)
        return found

    async def _visit(
        self,
        request: Request,
        response: Response,
        kwargs: Mapping[str, Any],
        operation: Operation,
        aspects: tuple[Aspect, ...],
    ) -> Visit:
        scope, declared, cache = request.scope, self._declared, self._cache
        visit = Visit(
            declared, request, response, learned=operation.learned, numbers=self._numbers, older_by=self._older_by
        )
        scope[ARGUMENTS] = Given(kwargs, operation.found)
        try:
            who = await identity(scope, aspects)
        finally:
            # They are nothing for whoever looks into the scope later.
            del scope[ARGUMENTS]
        addresses = self._whole_addresses if operation.has_request else self._addresses
        key = addresses.key(scope, self._base(operation, scope["path_params"], kwargs), who, visit.vary)
        if cache is None:
            cache = cache_of(request)
        elif not isinstance(cache, Cache):
            cache = self._cache = cache()
        visit.settle(cache, key, who, self._tags(request, kwargs))
        return visit

    def _base(self, operation: Operation, url: Mapping[str, Any], kwargs: Mapping[str, Any]) -> str:
        prefix, function = self._declared.key_prefix, self._function
        if "{" in prefix:
            prefix = prefix.format_map(Arguments(url, kwargs, is_escaped=True))
        spelled = "&".join([f"{escaped(name)}={escaped(str(value))}" for name, value in sorted(url.items())])
        # Two functions may share a prefix and a name, and one may be mounted at two places.
        return f"{prefix}:{function.__name__}:{bounded(spelled)}:{_digest(operation.path, function)}"

    def _tags(self, request: Request, kwargs: Mapping[str, Any]) -> Iterable[object]:
        declared: Any = self._declared.tags
        url = request.scope["path_params"]
        if callable(declared):
            names: Iterable[object] = declared(request, **url)
            return names
        given = Arguments(url, kwargs, is_escaped=False)
        return [tag.format_map(given) if "{" in tag else tag for tag in declared]

    async def _run_narrowed(self, request: Request, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run the function, which is shown the declared parameters alone."""
        scope, params = request.scope, self._declared.params
        whole = scope["query_string"]
        if params is None or not whole:
            return await self.run(args, kwargs)
        scope["query_string"] = narrowed_query(whole, params)
        _read_anew(request)
        try:
            return await self.run(args, kwargs)
        finally:
            scope["query_string"] = whole
            _read_anew(request)


def _digest(path: str, function: Callable[..., Any]) -> str:
    # Eight digits keep this project's own operations apart; nobody else can choose their names.
    names = f"{path}\0{function.__module__}\0{function.__qualname__}"
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _read_anew(request: Request) -> None:
    """Let a request forget what it made of its query; it keeps that from its first reader on."""
    for name in ("_query_params", "_url"):
        vars(request).pop(name, None)
