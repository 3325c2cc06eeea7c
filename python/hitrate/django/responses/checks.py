"""A system check of every view with `CachedViewMixin`: one that is not public must not seem to be answered early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from hitrate.django.responses.decorator import ATTRIBUTE
from hitrate.django.responses.mixin import CachedViewMixin, why_guarded, why_not_public
from hitrate.django.responses.view import CachedView


@register(Tags.urls)
def check_early_answers(**_: Any) -> list[CheckMessage]:
    """Report each view with the mixin that is not public, or declares no answer for everybody (``hitrate.E010``)."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    views = dict.fromkeys(_views(get_resolver()))
    return [problem for view in views if (problem := _problem(view)) is not None]


def _views(resolver: URLResolver) -> Iterator[type]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern)
        elif isinstance(pattern, URLPattern):
            # As REST framework and Django name the class of `as_view()`.
            view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
            if isinstance(view, type) and issubclass(view, CachedViewMixin):
                yield view


def _problem(view: type) -> CheckMessage | None:
    reason = why_guarded(view)
    if reason is not None:
        text = f"CachedViewMixin has no effect on {view.__qualname__}: {reason}."
        hint = "Make the view public (permission_classes = [AllowAny], throttle_classes = []), or remove the mixin."
        return Error(text, hint=hint, obj=view, id="hitrate.E010")
    cached = [found for name in dir(view) if (found := _cached(view, name)) is not None]
    if any(why_not_public(view, one) is None for one in cached):
        return None
    text = f"CachedViewMixin has no effect on {view.__qualname__}: none of its answers is for everybody."
    hint = "Decorate a method with @cache_api_response(shared=True, ...) without vary_on, or remove the mixin."
    return Error(text, hint=hint, obj=view, id="hitrate.E010")


def _cached(view: type, name: str) -> CachedView | None:
    found = getattr(getattr(view, name, None), ATTRIBUTE, None)
    return found if isinstance(found, CachedView) else None
