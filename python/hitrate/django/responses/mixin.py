"""`CachedViewMixin`: answer before REST framework begins its work, where a view is for everybody."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import classonlymethod

from hitrate.django.responses.decorator import ASKED
from hitrate.django.responses.guard import Mounted, early_of
from hitrate.django.responses.view import CachedView
from hitrate.http.facts import READS
from hitrate.http.fields import split_list

View = Callable[..., HttpResponseBase]


class CachedViewMixin:
    """
    Answer hits before REST framework's own work: no view object, no negotiation, no authentication, no throttling.

    Stands before the view class: ``class ProductViewSet(CachedViewMixin, ModelViewSet)``. It concerns the methods whose
    outermost decorator is ``@cache_api_response(shared=True, ...)``, without ``vary_on``, of views that are public:
    all permissions are ``AllowAny`` or ``IsAuthenticatedOrReadOnly``, authentication is REST framework's own, there are
    no throttles, and no steps before the method (``dispatch``, ``initial``, ...) are their own. All others are answered
    as if it were not there, and ``manage.py check`` says why (``hitrate.E010``). Django's middleware has run in any
    case. A function that tells tags is given Django's request, for there is none of REST framework's yet.
    """

    @classonlymethod
    def as_view(cls, *args: Any, **initkwargs: Any) -> View:  # noqa: N805  as Django's own
        """Make the function that answers requests: from the cache, or by REST framework."""
        view: View = super().as_view(*args, **initkwargs)  # type: ignore[misc]
        mounted = Mounted.of(view)
        if mounted is None or inspect.iscoroutinefunction(view):
            return view
        return _answering_early(view, mounted)


def _answering_early(view: View, mounted: Mounted) -> View:
    # By HTTP method, judged at its first request: settings and classes are whole then.
    judged: dict[str, CachedView | None] = {}

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = request.method
        early = judged[method] if method in judged else _judge(judged, mounted, method)
        if early is None or _chooses_form(request.META.get("HTTP_ACCEPT", "")):
            return view(request, *args, **kwargs)

        def call() -> HttpResponseBase:
            setattr(request, ASKED, True)
            return view(request, *args, **kwargs)

        return early.answer(request, args, kwargs, call)

    return answer


def _judge(judged: dict[str, CachedView | None], mounted: Mounted, method: str | None) -> CachedView | None:
    """The same view asked before negotiation: its answers vary on headers instead, and so have keys of their own."""
    if method not in READS:
        # Nor remembered: a client may invent any number of them.
        return None
    cached = early_of(mounted, method.lower())
    if not isinstance(cached, CachedView):
        return judged.setdefault(method, None)
    options = cached.options
    if options.params is not None:
        # REST framework reads these before it calls the method that is shown the declared ones alone.
        options = replace(options, params=options.params | mounted.read_from_query())
    early = CachedView(cached.function, options, varies_on=mounted.varies_on(), early=mounted.cls)
    return judged.setdefault(method, early)


@lru_cache(maxsize=1024)
def _chooses_form(accept: str) -> bool:
    """Whether somebody wants a media type with parameters, which renderers may heed: ``application/json;indent=4``."""
    return ";" in accept and any(
        not parameter.strip().lower().startswith("q=")
        for choice in split_list(accept)
        for parameter in choice.split(";")[1:]
    )
