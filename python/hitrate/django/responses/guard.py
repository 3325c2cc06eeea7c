"""Whether a view of REST framework may be answered before its checks: whether it has none that could refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from django.views import View

from hitrate.django.responses.decorator import ATTRIBUTE, cached_of
from hitrate.django.responses.view import CachedView

# What runs before the method of a view, and may refuse the request, or choose what is answered.
_STEPS = (
    "__init__",
    "setup",
    "dispatch",
    "initialize_request",
    "initial",
    "get_authenticators",
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

    def method(self, name: str) -> Any:
        """
        The method of the class that answers an HTTP method; None where there is none.

        Args:
            name: in lower case; HEAD is answered by what answers GET, unless there is a method of its own.
        """
        found: str | None = name
        if self.actions is not None:
            found = self.actions.get(name) or (self.actions.get("get") if name == "head" else None)
        elif name == "head" and not hasattr(self.cls, "head"):
            found = "get"
        return None if found is None else getattr(self.cls, found, None)

    def read_from_query(self) -> frozenset[str]:
        """Parameters by which REST framework chooses the form and the version of an answer."""
        from rest_framework.settings import api_settings
        from rest_framework.versioning import QueryParameterVersioning

        versioning = self.attribute("versioning_class")
        is_versioned = isinstance(versioning, type) and issubclass(versioning, QueryParameterVersioning)
        form = api_settings.URL_FORMAT_OVERRIDE if self.has_forms() else None
        return frozenset(filter(None, (form, versioning.version_param if is_versioned else None)))

    def has_forms(self) -> bool:
        """Whether there is a choice of forms for an answer."""
        return len(self.attribute("renderer_classes")) > 1

    def varies_on(self) -> tuple[str, ...]:
        """Headers that the answers vary on before negotiation has told what for."""
        # REST framework says so in each answer of a view that has a choice.
        return ("accept",) if self.has_forms() else ()


def early_of(mounted: Mounted, name: str) -> CachedView | str | None:
    """
    What answers an HTTP method before the checks of the view.

    Args:
        mounted: the view.
        name: of the HTTP method, in lower case.

    Returns:
        What keeps its answers; or why they may not be served then; None where nothing is kept.
    """
    method = mounted.method(name)
    if getattr(method, ATTRIBUTE, None) is None:
        return None
    return next(_reasons(mounted, method), None) or cached_of(method)


def _reasons(mounted: Mounted, method: object) -> Iterator[str]:
    yield from _guards(mounted)
    cached = cached_of(method)
    if cached is None:
        yield "another decorator stands above @cache_api_response, and would not run"
        return
    options = cached.options
    if not options.shared:
        yield "its answers are not declared shared=True"
    if options.aspects is not None:
        yield "its answers vary on what is known only after authentication (vary_on)"
    if options.policy.clients == "staff":
        yield "who is staff is known only after authentication (clients='staff')"
    if options.original is not None:
        yield "its answers are kept as data, which is rendered after negotiation (values='original')"


def _guards(mounted: Mounted) -> Iterator[str]:
    """Why the class is not public."""
    from rest_framework.views import APIView

    if not issubclass(mounted.cls, APIView):
        yield "it is no view of REST framework"
        return
    for name in ("permission_classes", "throttle_classes", "authentication_classes", "renderer_classes"):
        if not isinstance(mounted.attribute(name), (list, tuple)):
            yield f"its {name} are told by code of its own"
            return
    yield from _by_classes(mounted)
    yield from _by_steps(mounted.cls)


def _by_classes(mounted: Mounted) -> Iterator[str]:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.negotiation import DefaultContentNegotiation
    from rest_framework.permissions import AllowAny, IsAuthenticatedOrReadOnly
    from rest_framework.versioning import BaseVersioning

    for permission in mounted.attribute("permission_classes"):
        # Only GET and HEAD are answered early, which both of these let everybody do.
        if permission not in (AllowAny, IsAuthenticatedOrReadOnly):
            yield f"it has the permission {_named(permission)}"
    for throttle in mounted.attribute("throttle_classes"):
        yield f"it has the throttle {_named(throttle)}"
    for authentication in mounted.attribute("authentication_classes"):
        # REST framework's own refuse nobody who shows no credentials.
        if getattr(authentication, "__module__", None) != BaseAuthentication.__module__:
            yield f"it is authenticated by {_named(authentication)}, which may refuse"
    negotiation, versioning = mounted.attribute("content_negotiation_class"), mounted.attribute("versioning_class")
    if negotiation is not DefaultContentNegotiation:
        yield f"it negotiates by {_named(negotiation)}"
    # REST framework's own look into the URL, the host, the query, and parameters of the media type.
    if versioning is not None and getattr(versioning, "__module__", None) != BaseVersioning.__module__:
        yield f"its versions are told by {_named(versioning)}"


def _by_steps(view: type[Any]) -> Iterator[str]:
    from rest_framework.views import APIView
    from rest_framework.viewsets import ViewSetMixin

    for name in _STEPS:
        if getattr(view, name) not in (getattr(APIView, name), getattr(ViewSetMixin, name, None)):
            yield f"it has a {name}() of its own"
    # Besides that of the mixin.
    if len([one for one in view.__mro__ if "as_view" in vars(one) and one not in {View, APIView, ViewSetMixin}]) > 1:
        yield "it has an as_view() of its own"


def _named(found: object) -> str:
    return repr(getattr(found, "__name__", found))
