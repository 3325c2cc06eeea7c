"""A Django project with one page, cached in several ways: a list of 100 rows, 20 KB of JSON, through REST framework."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import wraps
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path
from django.views.decorators.cache import cache_page
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from hitrate.django import CachedViewMixin, cache_api_response

ROWS = 100
TIMEOUT = 300


class Row(models.Model):
    """A row of a list as an API shows it."""

    name = models.CharField(max_length=80)
    sku = models.CharField(max_length=20)
    description = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.IntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "pages"


class RowSerializer(serializers.ModelSerializer[Row]):
    class Meta:
        model = Row
        fields = ["id", "name", "sku", "description", "price", "stock", "updated_at"]


def fill() -> None:
    """Make the table and its rows."""
    with connection.schema_editor() as editor:
        editor.create_model(Row)
    noon = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
    Row.objects.bulk_create(
        Row(
            name=f"Trail running shoe {number}",
            sku=f"SHOE-{number:06}",
            description="Light and well cushioned, with a grip that holds.",
            price=number + 99,
            stock=number * 7,
            updated_at=noon + timedelta(minutes=number),
        )
        for number in range(ROWS)
    )


class Listing(ListAPIView[Row]):
    """The list, uncached."""

    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    queryset = Row.objects.order_by("id")
    serializer_class = RowSerializer


def typical(alias: str) -> Callable[[Any], Any]:
    """The decorator that projects write by hand: `response.data` in the cache, under the MD5 of the query."""

    def decorate(method: Any) -> Any:
        @wraps(method)
        def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            cache = caches[alias]
            query = urlencode(sorted(request.query_params.items()))
            key = f"rows:{hashlib.md5(query.encode(), usedforsecurity=False).hexdigest()}"
            data = cache.get(key)
            if data is not None:
                return Response(data)
            response = method(self, request, *args, **kwargs)
            cache.set(key, response.data, TIMEOUT)
            return response

        return answer

    return decorate


def _listing(*bases: type, get: Any) -> Any:
    view: Any = type("CachedListing", (*bases, Listing), {"get": get})
    return view.as_view()


def urls(ours: str, near: str, theirs: str) -> types.ModuleType:
    """
    The pages, by the name of who caches them.

    Args:
        ours: alias of a cache over hitrate.
        near: alias of one over hitrate with a local cache.
        theirs: alias of one over django-redis.
    """
    get = ListAPIView.get
    kept, kept_near = (
        cache_api_response(TIMEOUT, "rows", shared=True, params=["page"], cache=alias) for alias in (ours, near)
    )
    body = JSONRenderer().render(RowSerializer(Listing.queryset.all(), many=True).data)

    def constant(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(body, content_type="application/json")

    def constant_of_rest(_self: Any, _request: Request) -> HttpResponse:
        return HttpResponse(body, content_type="application/json")

    module = types.ModuleType("pages_urls")
    module.urlpatterns = [  # type: ignore[attr-defined]
        path("uncached", Listing.as_view()),
        path("typical", _listing(get=typical(theirs)(get))),
        path("cache_page", cache_page(TIMEOUT, cache=theirs)(Listing.as_view())),
        path("hitrate", _listing(get=kept(_own(get)))),
        path("early", _listing(CachedViewMixin, get=kept(_own(get)))),
        path("hitrate_near", _listing(get=kept_near(_own(get)))),
        path("early_near", _listing(CachedViewMixin, get=kept_near(_own(get)))),
        path("constant", constant),
        path("constant_of_rest", _listing(get=constant_of_rest)),
    ]
    return module


def _own(method: Any) -> Any:
    """A method of its own, so that two views do not share what is noted of it."""

    @wraps(method)
    def get(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        return method(self, request, *args, **kwargs)

    return get


class Site:
    """
    The project, asked as a server asks it.

    Attributes:
        handler: Django's WSGI application.
    """

    def __init__(self, urlconf: types.ModuleType) -> None:
        self._settings = override_settings(ROOT_URLCONF=urlconf)
        self._settings.enable()
        self.handler = WSGIHandler()

    def close(self) -> None:
        self._settings.disable()

    def ask(self, page: str) -> bytes:
        """Request a page, with three query parameters."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{page}",
            "QUERY_STRING": "page=1&ordering=name&search=shoe",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "testserver",
            "HTTP_ACCEPT": "application/json",
            "HTTP_ACCEPT_ENCODING": "gzip, deflate",
            "HTTP_USER_AGENT": "bench",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        found: list[str] = []
        response: Any = self.handler(environ, lambda status, _headers: found.append(status))
        body = b"".join(response)
        response.close()
        assert found == ["200 OK"], found
        return body
