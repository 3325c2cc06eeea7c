"""Whether a view of REST framework may be answered before its checks: whether it has none that could refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from hitrate.django.responses.decorator import ATTRIBUTE
from hitrate.django.responses.view import CachedView

# What runs before the method of a view, and may refuse the request, or choose what is answered.
_STEPS = (
    "__init__",
    "setup",
    "dispatch",
    "initialize_request",
    "initial",
    "perform_authentication",
    "get_permissions",
    "check_permissions",
    "get_throttles",
    "check_throttles",
    "get_renderers",
    "get_content_negotiator",
    "perform_content_negotiation",
    "determine_version",
)


class Mounted(NamedTuple):
    """
    A class of views, as `as_view()` makes instances of it for one address.

    Attributes:
        cls: the class.
        given: attributes of the instances, beside those of the class: ``@action(permission_classes=...)``.
        actions: of a viewset: names of its methods, by HTTP method in lower case.
    """

    cls: type[Any]
    given: Mapping[str, Any]
    actions: Mapping[str, str] | None

    @classmethod
    def of(cls, view: Callable[..., Any]) -> Mounted | None:
        """Read what `as_view()` wrote on the function that it made; None of others."""
        # As REST framework names them, and as Django does.
        made = getattr(view, "cls", None) or getattr(view, "view_class", None)
        if not isinstance(made, type):
            return None
        given = getattr(view, "initkwargs", None) or getattr(view, "view_initkwargs", None) or {}
        return cls(made, given, getattr(view, "actions", None))

    def attribute(self, name: str) -> Any:
        """An attribute that instances begin with."""
        return self.given[name] if name in self.given else getattr(self.cls, name)

    def cached(self, method: str) -> CachedView | None:
        """
        What keeps the answers to an HTTP method; None where nothing does.

        Args:
            method: in lower case; HEAD is answered by what answers GET, unless there is a method of its own.
        """
        name: str | None = method
        if self.actions is not None:
            name = self.actions.get(method) or (self.actions.get("get") if method == "head" else None)
        elif method == "head" and not hasattr(self.cls, "head"):
            name = "get"
        found = None if name is None else getattr(getattr(self.cls, name, None), ATTRIBUTE, None)
        return found if isinstance(found, CachedView) else None

    def varies_on(self) -> tuple[str, ...]:
        """Headers that the answers vary on before negotiation has told what for."""
        # REST framework says so in each answer of a view that has a choice.
        return ("accept",) if len(self.attribute("renderer_classes")) > 1 else ()


def why_not_public(mounted: Mounted, cached: CachedView) -> str | None:
    """
    Why answers of a view may not be served before its checks, None if they may.

    Args:
        mounted: the view.
        cached: one of its methods.
    """
    if not cached.options.shared:
        return "its answers are not declared shared=True"
    if cached.options.aspects is not None:
        return "its answers vary on what is known only after authentication (vary_on)"
    if cached.options.original is not None:
        return "its answers are kept as data, which is rendered after negotiation (values='original')"
    return why_guarded(mounted)


def why_guarded(mounted: Mounted) -> str | None:
    """Why a view is not public, None if it is."""
    return next(_guards(mounted), None)


def _guards(mounted: Mounted) -> Iterator[str]:
    from rest_framework.negotiation import DefaultContentNegotiation
    from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
    from rest_framework.versioning import BaseVersioning
    from rest_framework.views import APIView
    from rest_framework.viewsets import ViewSetMixin

    view = mounted.cls
    if not issubclass(view, APIView):
        yield "it is no view of REST framework"
        return
    for permission in mounted.attribute("permission_classes"):
        # Only GET and HEAD are answered early, which both of these let everybody do.
        if permission not in (AllowAny, IsAuthenticatedOrReadOnly):
            yield f"it has the permission {getattr(permission, '__name__', permission)!r}"
    for throttle in mounted.attribute("throttle_classes"):
        yield f"it has the throttle {throttle.__name__!r}"
    negotiation, versioning = mounted.attribute("content_negotiation_class"), mounted.attribute("versioning_class")
    if negotiation is not DefaultContentNegotiation:
        yield f"it negotiates by {negotiation.__name__!r}"
    # REST framework's own look into the URL, the host, the query, and parameters of the media type.
    if versioning is not None and versioning.__module__ != BaseVersioning.__module__:
        yield f"its versions are told by {versioning.__name__!r}"
    for name in _STEPS:
        if getattr(view, name) not in (getattr(APIView, name), getattr(ViewSetMixin, name, None)):
            yield f"it has a {name}() of its own"
