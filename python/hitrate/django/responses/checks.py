"""A system check of every view with `CachedViewMixin`: one that is not public must not seem to be answered early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from hitrate.django.responses.guard import Mounted, early_of
from hitrate.django.responses.mixin import CachedViewMixin
from hitrate.django.responses.view import CachedView


@register(Tags.urls)
def check_early_answers(**_: Any) -> list[CheckMessage]:
    """Report each view with the mixin that is not public, or declares no answer for everybody (``hitrate.E010``)."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    views: dict[type, list[Mounted]] = {}
    for mounted in _mounted(get_resolver()):
        views.setdefault(mounted.cls, []).append(mounted)
    return [problem for view, found in views.items() if (problem := _problem(view, found)) is not None]


def _mounted(resolver: URLResolver) -> Iterator[Mounted]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _mounted(pattern)
        elif isinstance(pattern, URLPattern):
            mounted = Mounted.of(pattern.callback)
            if mounted is not None and issubclass(mounted.cls, CachedViewMixin):
                yield mounted


def _problem(view: type, mounted: list[Mounted]) -> CheckMessage | None:
    found = [early_of(one, "get") for one in mounted]
    if any(isinstance(one, CachedView) for one in found):
        return None
    reason = next((one for one in found if isinstance(one, str)), "none of its methods keeps answers")
    text = f"CachedViewMixin has no effect on {view.__qualname__}: {reason}."
    hint = (
        "Make the view public (permission_classes = [AllowAny], throttle_classes = [], authentication_classes = []), "
        "and decorate a method with @cache_api_response(shared=True, ...) without vary_on; or remove the mixin."
    )
    return Error(text, hint=hint, obj=view, id="hitrate.E010")
