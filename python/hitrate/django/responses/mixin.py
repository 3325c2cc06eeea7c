"""`CachedViewMixin`: answer before REST framework begins its work, where a view is for everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from hitrate.django.responses.decorator import ASKED, ATTRIBUTE
from hitrate.django.responses.view import CachedView


class CachedViewMixin:
    """
    Answer hits before REST framework's own dispatch: no negotiation, no authentication, no throttling.

    Stands before the view class: ``class ProductViewSet(CachedViewMixin, ModelViewSet)``. It concerns the methods that
    are decorated with ``@cache_api_response(shared=True, ...)``, without ``vary_on``, of views that are public: all
    permissions are ``AllowAny`` or ``IsAuthenticatedOrReadOnly``, and there are no throttles. All others are answered
    as if it were not there, and ``manage.py check`` says why (``hitrate.E010``). Django's middleware has run in any
    case.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer from the cache, or by REST framework."""
        early = self._early(request)
        if early is None:
            return self._dispatch(request, *args, **kwargs)

        def call() -> HttpResponseBase:
            setattr(request, ASKED, True)
            return self._dispatch(request, *args, **kwargs)

        return early.answer(request, args, kwargs, call)

    def _dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        dispatch: Callable[..., HttpResponseBase] = super().dispatch  # type: ignore[misc]
        return dispatch(request, *args, **kwargs)

    def _early(self, request: HttpRequest) -> CachedView | None:
        """What answers early for this request."""
        method = (request.method or "").lower()
        # Viewsets bind HTTP methods to actions on the instance, before dispatch.
        handler = getattr(self, "get" if method == "head" and not hasattr(self, "head") else method, None)
        cached: CachedView | None = getattr(handler, ATTRIBUTE, None)
        view: Any = type(self)
        return None if cached is None else early_twin(view, cached)


@lru_cache(maxsize=4096)
def early_twin(view: Any, cached: CachedView) -> CachedView | None:
    """
    The same view asked before negotiation: its answers vary on headers instead, and so have keys of their own.

    Args:
        view: the class.
        cached: one of its methods.

    Returns:
        None where it may not be asked then.
    """
    if why_not_public(view, cached) is not None:
        return None
    # REST framework says so in each answer of a view that has a choice.
    negotiates = len(view.renderer_classes) > 1
    return CachedView(cached.function, cached.options, varies_on=("accept",) if negotiates else ())


def why_not_public(view: type, cached: CachedView) -> str | None:
    """
    Why answers of a view may not be served before its checks, None if they may.

    Args:
        view: the class.
        cached: one of its methods.
    """
    if not cached.options.shared:
        return "its answers are not declared shared=True"
    if cached.options.aspects is not None:
        return "its answers vary on what is known only after authentication (vary_on)"
    if cached.options.original is not None:
        return "its answers are kept as data, which is rendered after negotiation (values='original')"
    return why_guarded(view)


def why_guarded(view: type) -> str | None:
    """Why a class is not public, None if it is."""
    from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
    from rest_framework.views import APIView

    if not issubclass(view, APIView):
        return "it is no view of REST framework"
    # Only GET and HEAD are answered early, which both of these let everybody do.
    everybody = (AllowAny, IsAuthenticatedOrReadOnly)
    guarded = [permission for permission in view.permission_classes if permission not in everybody]
    if guarded:
        return f"it has the permission {getattr(guarded[0], '__name__', guarded[0])!r}"
    if view.throttle_classes:
        return f"it has the throttle {view.throttle_classes[0].__name__!r}"
    for name in ("get_permissions", "check_permissions", "get_throttles", "check_throttles", "initial"):
        if getattr(view, name) is not getattr(APIView, name):
            return f"it has a {name}() of its own"
    return None
