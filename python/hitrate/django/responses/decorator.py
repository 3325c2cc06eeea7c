"""`cache_api_response`: keep the rendered answers of a view."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar, cast

from django.http import HttpRequest

from hitrate.django.responses import options
from hitrate.django.responses.rest import is_of_rest
from hitrate.django.responses.view import CachedView, is_async
from hitrate.exceptions import ConfigError
from hitrate.http import Clients
from hitrate.responses import Tags

View = TypeVar("View", bound=Callable[..., Any])

# Where the decorated function keeps its `CachedView`, and itself: what wraps it copies both.
ATTRIBUTE = "hitrate_cached"
ITSELF = "hitrate_decorated"
# On a request that `CachedViewMixin` has asked the cache about already.
ASKED = "_hitrate_asked"


def cache_api_response(
    timeout: float = 300,
    key_prefix: str = "api",
    *,
    shared: bool = False,
    vary_on: Iterable[str | Callable[[Any], object]] | str | Callable[[Any], object] = (),
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
    cache: str = "default",
    values: options.Values = "native",
    enabled: Callable[[], bool] | None = None,
) -> Callable[[View], View]:
    """
    Keep the rendered answers of a view: status, headers and body.

    For methods and actions of REST framework's viewsets and views, function views, class-based views, sync and async. A
    hit renders, queries and unpickles nothing; REST framework's authentication, permissions and throttles have run
    before. Only GET and HEAD are answered from the cache, and only what HTTP and Django allow is stored.

    Args:
        timeout: seconds for which an answer is fresh; less where the answer says so (``max-age``).
        key_prefix: first part of the keys, by which patterns forget them: ``invalidate_cache("employees:*")``. It may
            hold the URL's arguments in braces: answers under ``"product:{pk}"`` are forgotten with the key
            ``product:5``, too.
        shared: everybody may be given the answer. Unless it is said, an answer is its user's alone.
        vary_on: what tells those apart who may get different answers, instead of the user: names of attributes of the
            request or its user (``"tenant"``, ``"company"``), ``"user"``, ``"group"``, ``"language"``, ``"host"``,
            ``"header:NAME"``, ``"cookie:NAME"``, or functions of the request.
        params: query parameters that matter. Others are kept from the view, too.
        tags: names by which answers are forgotten: ``["products", "product:{pk}"]``, with the URL's arguments in
            braces; or a function of the request and the URL's arguments that returns names.
        stale: seconds after `timeout` in which an answer is still served while one request computes it anew.
        stale_on_error: seconds after `timeout` in which it is served when the view raises, or answers 500 and above.
        statuses: of answers that are stored; what a view raises (`Http404`) is none.
        max_body_bytes: longest body that is stored.
        clients: whose ``Cache-Control`` in requests is obeyed: nobody's, ``"staff"`` users' or everybody's.
        max_age: seconds for which clients may keep the answer without asking.
        s_maxage: the same for caches between, with ``shared=True`` only.
        lease: seconds after which a rebuild is given up for dead, and another request begins one.
        wait: seconds for which others wait for a rebuild before they compute for themselves.
        jitter: part of `timeout` by which it is shortened at random.
        cache: alias in ``settings.CACHES``.
        values: ``"native"``: the rendered answer. ``"original"`` is for the decorators of ``hitrate.layouts``: the key
            and the form of the code that hitrate replaces, whose workers may still be running.
        enabled: asked at every request whether answers are read and kept now; ``HITRATE_ENABLED`` stops it in any case.

    Raises:
        ConfigError: an argument that cannot be meant.
    """
    declared = options.read(
        timeout=timeout,
        key_prefix=key_prefix,
        shared=shared,
        vary_on=vary_on,
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
        cache=cache,
        values=values,
        enabled=enabled,
    )

    # `method_decorator` decorates anew at every call, a partial of the method each time.
    views: dict[tuple[str, str], CachedView] = {}

    def decorate(function: View) -> View:
        _require_after_checks(function)
        cached = views.setdefault((function.__module__, function.__qualname__), CachedView(function, declared))
        answer = _awaited(function, cached) if is_async(function) else _called(function, cached)
        setattr(answer, ATTRIBUTE, cached)
        setattr(answer, ITSELF, answer)
        return cast(View, answer)

    return decorate


def cached_of(function: object) -> CachedView | None:
    """What keeps the answers of a function, if nothing stands between it and whoever calls: no other decorator."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, CachedView) and getattr(function, ITSELF, None) is function else None


def _require_after_checks(function: Callable[..., Any]) -> None:
    if is_of_rest(function):
        raise ConfigError(
            f"cache_api_response on {getattr(function, '__qualname__', function)!r} would answer before REST framework "
            "has authenticated anybody; decorate the method, put it below @api_view, or use CachedViewMixin"
        )


def _called(function: Callable[..., Any], cached: CachedView) -> Callable[..., Any]:
    @functools.wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        asker, rest, named = find_request(args, kwargs)
        if was_asked(asker):
            return function(*args, **kwargs)
        return cached.answer(asker, rest, named, lambda: function(*args, **kwargs))

    return answer


def _awaited(function: Callable[..., Any], cached: CachedView) -> Callable[..., Any]:
    @functools.wraps(function)
    async def answer(*args: Any, **kwargs: Any) -> Any:
        asker, rest, named = find_request(args, kwargs)
        if was_asked(asker):
            return await function(*args, **kwargs)
        return await cached.aanswer(asker, rest, named, lambda: function(*args, **kwargs))

    return answer


def find_request(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...], Mapping[str, Any]]:
    """
    Find the request among the arguments of a view, whether or not `self` stands before it.

    Returns:
        The request, the positional arguments after it, and the other arguments by name.

    Raises:
        ConfigError: there is none: the decorator is on something that is no view.
    """
    for at, value in enumerate(args[:2]):
        if is_request(value):
            return value, args[at + 1 :], kwargs
    for name, value in kwargs.items():
        if is_request(value):
            return value, args[1:], {other: kwargs[other] for other in kwargs if other != name}
    raise ConfigError(
        "found no request among the arguments of a view; use hitrate.cached or hitrate.RateLimiter for other functions"
    )


def was_asked(asker: Any) -> bool:
    """Whether `CachedViewMixin` has asked the cache about this request, and goes on to the view."""
    # REST framework's request looks for attributes that it has not in Django's, at ten times the price.
    return ASKED in vars(getattr(asker, "_request", asker))


def is_request(value: object) -> bool:
    """Whether this is a request, of Django or of REST framework."""
    return isinstance(value, HttpRequest) or isinstance(getattr(value, "_request", None), HttpRequest)
