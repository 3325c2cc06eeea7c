"""One path for two viewsets: what everybody reads, and what staff writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, re_path
from rest_framework.permissions import SAFE_METHODS
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

View = Callable[..., HttpResponseBase]


def routes(prefix: str, name: str, reading: type[GenericViewSet], writing: type[GenericViewSet]) -> list[URLPattern]:
    """
    Return the addresses of a part of the catalogue.

    Args:
        prefix: first part of the paths, such as ``"products"``.
        name: first part of the names of the addresses, such as ``"product"``.
        reading: answers GET, HEAD and OPTIONS wherever it has a method for them.
        writing: answers everything else.
    """
    writers = {str(pattern.pattern): pattern for pattern in _patterns(prefix, name, writing)}
    found = []
    for pattern in _patterns(prefix, name, reading):
        path = str(pattern.pattern)
        writer = writers.pop(path, None)
        view = pattern.callback if writer is None else _by_method(pattern.callback, writer.callback)
        found.append(re_path(path, view, name=pattern.name))
    return [*found, *writers.values()]


def _patterns(prefix: str, name: str, viewset: type[GenericViewSet]) -> list[URLPattern]:
    router = SimpleRouter()
    router.register(prefix, viewset, basename=name)
    return router.urls


def _by_method(reading: View, writing: View) -> View:
    # With the attributes of the view that reads: `csrf_exempt`, and the class, which system checks look at.
    @wraps(reading)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (reading if request.method in SAFE_METHODS else writing)(request, *args, **kwargs)

    return view
