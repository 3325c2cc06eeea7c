"""`rate_limit`: how often a view may be asked."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, cast

from asgiref.sync import iscoroutinefunction

from hitrate.django.limiting.gate import Gate
from hitrate.django.responses.decorator import find_request, is_request
from hitrate.exceptions import ConfigError
from hitrate.gates import By, Telling
from hitrate.http.refusal import RefusalLayout
from hitrate.limits import Limit

View = TypeVar("View", bound=Callable[..., Any])


def rate_limit(
    limits: str | Limit | Iterable[str | Limit] | Mapping[str, str | Limit],
    *,
    by: By | Mapping[str, By] = "ip",
    methods: str | Iterable[str] | None = None,
    cost: int = 1,
    name: str | None = None,
    cache: str = "default",
    algorithm: Literal["fixed_window", "sliding_window", "sliding_log", "gcra", "once"] = "sliding_window",
    on_error: Literal["memory", "allow", "deny"] = "memory",
    workers: int = 1,
    shadow: bool = False,
    headers: bool = True,
    legacy_headers: bool = False,
    layout: RefusalLayout | None = None,
) -> Callable[[View], View]:
    """
    Limit how often a view may be asked; who asks more often gets status 429.

    For function views, class-based views, methods of them and of REST framework's, sync and async, and with
    `method_decorator`. All limits of one decorator are judged in one round trip.

    Args:
        limits: as `hitrate.RateLimiter` takes them: ``"100/m"``, ``"5/s, 100/m"``, a dict of several by name.
        by: whom they are about. ``"ip"``: the client's address, by ``HITRATE_TRUSTED_PROXIES``. ``"user"``: the user,
            and whom nobody knows by his address. ``"header:X-Api-Key"``: what this header holds, and who sends none by
            his address; every value has a budget of its own, so it takes keys that somebody has verified, or a limit by
            ``"ip"`` beside it. A function of the request returns a text, or None for requests that the limit is not
            about. Or a dict, with one of these for the name of each limit.
        methods: of requests that are counted, ``"GET"`` with ``HEAD``; all by default.
        cost: requests that a call counts as.
        name: what is limited. Views with the same name share their limits; each counts for itself by default.
        cache: alias in ``settings.CACHES``, whose backend is ours.
        algorithm: as of `hitrate.RateLimiter`.
        on_error: as of `hitrate.RateLimiter`; no view fails because the server is away.
        workers: as of `hitrate.RateLimiter`.
        shadow: count and report, and refuse nobody: to try limits out.
        headers: tell clients how things stand, by ``RateLimit-Policy`` and ``RateLimit``.
        legacy_headers: ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (in seconds), too.
        layout: refuse with the body of a known system: ``"nalar"`` (and REST framework), ``"quelyos_api"``,
            ``"quelyos_ecommerce"``.

    Raises:
        ConfigError: an argument that cannot be meant.
    """
    gate = Gate(
        limits,
        by=by,
        methods=methods,
        cost=cost,
        cache=cache,
        shadow=shadow,
        telling=Telling(headers, legacy_headers, layout),
        algorithm=algorithm,
        on_error=on_error,
        workers=workers,
    )

    def decorate(view: View) -> View:
        if isinstance(view, type):
            if not hasattr(view, "dispatch"):
                raise ConfigError(f"rate_limit is on the class {view.__qualname__}, which is no view; use it on views")
            view.dispatch = _limited(view.dispatch, gate, name, bool(getattr(view, "view_is_async", False)))
            return view
        return cast(View, _limited(view, gate, name, _is_async(view)))

    return decorate


def _limited(view: Callable[..., Any], gate: Gate, name: str | None, is_async: bool) -> Callable[..., Any]:
    @functools.wraps(view)
    def answer(*args: Any, **kwargs: Any) -> Any:
        request, *_ = find_request(args, kwargs)
        if not gate.covers(request.method):
            return view(*args, **kwargs)
        place = name or _place(view, args)
        decision = gate.decide(request, place)
        refusal = gate.refusal(request, place, decision)
        return gate.tell(view(*args, **kwargs), decision) if refusal is None else refusal

    @functools.wraps(view)
    async def aanswer(*args: Any, **kwargs: Any) -> Any:
        request, *_ = find_request(args, kwargs)
        if not gate.covers(request.method):
            return await _awaited(view(*args, **kwargs))
        place = name or _place(view, args)
        decision = await gate.adecide(request, place)
        refusal = gate.refusal(request, place, decision)
        return gate.tell(await _awaited(view(*args, **kwargs)), decision) if refusal is None else refusal

    return aanswer if is_async else answer


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


def _is_async(view: Any) -> bool:
    """Whether a view is to be awaited; `dispatch` of an async view is not marked, and returns something to await."""
    is_dispatch = getattr(view, "__name__", None) == "dispatch"
    return iscoroutinefunction(view) or (is_dispatch and bool(getattr(_owner(view), "view_is_async", False)))


def _owner(view: Any) -> Any:
    """The view object of a method that `method_decorator` hands over: a partial of the bound method."""
    return getattr(getattr(view, "func", None), "__self__", None)


def _place(view: Any, args: tuple[Any, ...]) -> str:
    """What is limited: a function, or a method of the class whose object is asked, not of one that it inherits from."""
    owner = _owner(view) if hasattr(view, "__name__") else None
    if owner is None and args and not is_request(args[0]):
        owner = args[0]
    if owner is not None:
        return f"{type(owner).__module__}.{type(owner).__qualname__}.{view.__name__}"
    # Every function that `as_view()` makes has the same name; Django and REST framework write the class on it.
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", None) or _named(view)
    return f"{made_of.__module__}.{made_of.__qualname__}"


def _named(view: Any) -> Any:
    """What has the name of a view: partials and objects that can be called (feeds) have none for decorators to take."""
    innermost = inspect.unwrap(view)
    if isinstance(innermost, functools.partial):
        return _named(innermost.func)
    return view if hasattr(innermost, "__qualname__") else type(innermost)
