"""`cached_response`: keep the rendered answers of a path operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar, cast

from fastapi.dependencies.utils import get_typed_annotation, get_typed_signature
from starlette.requests import Request
from starlette.responses import Response

from hitrate.cache import Cache
from hitrate.exceptions import ConfigError
from hitrate.fastapi.cached import CachedOperation
from hitrate.http import Audience, Clients
from hitrate.http.facts import READS
from hitrate.responses import Tags, declare

Function = TypeVar("Function", bound=Callable[..., Any])

# Parameters that FastAPI is shown beside the function's own.
REQUEST, RESPONSE = "hitrate_request", "hitrate_response"


def cached_response(
    ttl: float = 300,
    *,
    key_prefix: str = "api",
    shared: bool = False,
    vary_on: Iterable[str | Callable[[Request], object]] | str | Callable[[Request], object] = (),
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
    older_by: float = 0,
    cache: Cache | Callable[[], Cache] | None = None,
    enabled: Callable[[], bool] | None = None,
) -> Callable[[Function], Function]:
    """
    Keep the rendered answers of a path operation: status, headers and body, exactly as FastAPI sends them.

    It stands right below ``@app.get(...)``, on ``def`` and ``async def``. Dependencies have run before an answer is
    served, so that who is not let in gets none. A hit runs and renders nothing; only GET and HEAD are answered from the
    cache, and only what HTTP allows is stored.

    Args:
        ttl: seconds for which an answer is fresh; less where the answer says so (``max-age``).
        key_prefix: first part of the keys. It may hold arguments of the URL, or of the operation, in braces: answers
            under ``"product:{product_id}"`` are forgotten with the key ``product:5``, too.
        shared: everybody who is let in may be given the answer. Unless it is said, requests with ``Authorization`` or
            ``Cookie`` go past, and headers of unknown meaning tell askers apart.
        vary_on: what tells those apart who may get different answers: names of parameters of the operation, such as
            ``"user"`` or ``"tenant"``, whose dependencies found them, or of their attributes (``"user.tenant_id"``);
            ``"host"``, ``"header:NAME"``, ``"cookie:NAME"``; or functions of the request, which may be coroutine
            functions.
        params: query parameters that matter. Others are kept from the operation, too.
        tags: names by which answers are forgotten: ``["products", "product:{product_id}"]``, with arguments in braces;
            or a function of the request and the URL's arguments that returns names.
        stale: seconds after `ttl` in which an answer is still served while one request computes it anew.
        stale_on_error: seconds after `ttl` in which it is served when the operation raises, or answers 500 and above.
        statuses: which are stored.
        max_body_bytes: longest body that is stored.
        clients: whose ``Cache-Control`` in requests is obeyed: nobody's, that of ``"staff"`` (users in the scope with
            `is_staff`), or everybody's (``"always"``).
        max_age: seconds for which clients may keep the answer without asking.
        s_maxage: the same for caches between, with ``shared=True`` only.
        lease: seconds after which a rebuild is given up for dead, and another request begins one.
        wait: seconds for which others wait for a rebuild before they compute for themselves.
        jitter: part of `ttl` by which it is shortened at random.
        older_by: seconds by which what the operation reads may be older than its call: where a dependency opened a
            transaction that reads in a snapshot, the longest that a request takes to get here.
        cache: where; the application's by default, see `lifespan`.
        enabled: asked at every request whether answers are read and kept now; ``HITRATE_ENABLED=0`` stops it in any
            case.

    Raises:
        ConfigError: an argument that cannot be meant.
    """
    names = (vary_on,) if isinstance(vary_on, str) or callable(vary_on) else tuple(vary_on)
    audience: Audience = "shared" if shared else "identified" if names else "unknown"
    declared = declare(
        ttl=ttl,
        key_prefix=key_prefix,
        audience=audience,
        vary_on=names,
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

    def decorate(function: Function) -> Function:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(f"cached_response is on {function.__qualname__!r}, which streams; take it off")
        cached = CachedOperation(function, declared, names, cache, older_by)
        signature, request_name, response_name = _shown(function)

        @functools.wraps(function)
        async def answer(*args: Any, **kwargs: Any) -> Any:
            request, response = kwargs.get(request_name), kwargs.get(response_name)
            if not isinstance(request, Request) or not isinstance(response, Response):
                raise ConfigError(
                    f"{function.__qualname__!r} was not called by FastAPI; put cached_response right below "
                    "@app.get(...), and call __wrapped__ for the function itself"
                )
            kwargs.pop(REQUEST, None)
            kwargs.pop(RESPONSE, None)
            if request.method not in READS or (enabled is not None and not enabled()):
                return await cached.run(args, kwargs)
            return await cached.answer(request, response, args, kwargs)

        answer.__signature__ = signature  # type: ignore[attr-defined]
        return cast(Function, answer)

    return decorate


def _shown(function: Callable[..., Any]) -> tuple[inspect.Signature, str, str]:
    """The signature that FastAPI is shown, and the names by which it hands over request and response."""
    # Texts are read here, where the function's names are known: older FastAPI would look for them around the decorator.
    typed = get_typed_signature(function)
    parameters = list(typed.parameters.values())
    # FastAPI hands over each once, so that the function's own are used where it has them.
    names = []
    for kind, own in ((Request, REQUEST), (Response, RESPONSE)):
        given = next((one.name for one in typed.parameters.values() if _is_a(one.annotation, kind)), None)
        names.append(given or own)
        if given is None:
            parameters.append(inspect.Parameter(own, inspect.Parameter.KEYWORD_ONLY, annotation=kind))
    parameters.sort(key=lambda parameter: parameter.kind)
    returned = get_typed_annotation(inspect.signature(function).return_annotation, _names_of(function))
    return typed.replace(parameters=parameters, return_annotation=returned), names[0], names[1]


def _names_of(function: Callable[..., Any]) -> dict[str, Any]:
    return getattr(inspect.unwrap(function), "__globals__", {})


def _is_a(annotation: Any, kind: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)
