"""
A site that is half gone over to hitrate: each view twice, by the original's algorithm and by ours, over one database.

The algorithms are restated from what is known of the originals (the contracts in ``tests/data/contracts``), on
django-redis or on Django's own backend.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSet

from hitrate.layouts import django_ecommerce, nalar
from hitrate.testing import Endpoint


class Source:
    """
    What the views read.

    Attributes:
        rows: the answers are made from.
        runs: how often a view ran.
        during: called by each run after it has read.
        answer: makes the answer from the rows.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.rows: Any = [{"id": 1}]
        self.runs = 0
        self.during: Callable[[], Any] = lambda: None
        self.answer: Callable[[Request, Any], Response] = lambda request, rows: Response(rows)

    def read(self, request: Request) -> Response:
        self.runs += 1
        response = self.answer(request, self.rows)
        self.during()
        return response


SOURCE = Source()


def old_nalar(timeout: int, key_prefix: str) -> Callable[..., Any]:
    """The decorator of the old ERP."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            row = f"pk:{kwargs['pk']}" if kwargs.get("pk") else ""
            key = f"{key_prefix}:{view.__name__}:{row}:{request.GET.urlencode()}"
            found = caches["old"].get(key)
            if found is not None:
                return Response(found)
            response: Response = view(self, request, *args, **kwargs)
            if hasattr(response, "data"):
                caches["old"].set(key, response.data, timeout)
            return response

        return answer

    return decorate


def old_shop(key: str, timeout: int, compute: Callable[[], Response]) -> Response:
    """What a view of the old shop does."""
    found = caches["old"].get(key)
    if isinstance(found, str) and found:
        found = json.loads(found)
    if found:
        return Response(found)
    response = compute()
    # Its client prints what cannot be stored, and goes on.
    try:
        caches["old"].set(key, json.dumps(response.data), timeout)
    except TypeError:
        return response
    return response


def old_invalidation(server: Endpoint, prefix: str, pattern: str) -> int:
    """`invalidate_cache` of the old ERP: all versions, by KEYS."""
    found = server.execute("KEYS", f"{prefix}:*:{pattern}")
    return server.execute("DEL", *found) if found else 0


class OldEmployees(ViewSet):
    @old_nalar(60, "employees")
    def list(self, request: Request) -> Response:
        return SOURCE.read(request)

    @old_nalar(60, "employee_detail")
    def retrieve(self, request: Request, pk: str) -> Response:
        return SOURCE.read(request)


class Employees(ViewSet):
    @nalar.cache_api_response(60, "employees", shared=True, values="original")
    def list(self, request: Request) -> Response:
        return SOURCE.read(request)

    @nalar.cache_api_response(60, "employee_detail", shared=True, values="original")
    def retrieve(self, request: Request, pk: str) -> Response:
        return SOURCE.read(request)


class Advances(ViewSet):
    """Its rows are not known by ``pk``, and the second view is inherited."""

    lookup_field = "number"

    @nalar.cache_api_response(60, "advance_detail", shared=True, values="original")
    def retrieve(self, request: Request, number: str) -> Response:
        return SOURCE.read(request)


@api_view(["GET"])
@nalar.cache_api_response(60, "function", shared=True, values="original")
def function(request: Request) -> Response:
    return SOURCE.read(request)


class Awaited(ViewSet):
    @nalar.cache_api_response(60, "awaited", shared=True, values="original")
    async def list(self, request: Request) -> Response:
        return SOURCE.read(request)


class Base(ViewSet):
    @nalar.cache_api_response(60, "inherited", shared=True, values="original")
    def list(self, request: Request) -> Response:
        return SOURCE.read(request)


class Inheriting(Base):
    pass


class OldProducts(ViewSet):
    def list(self, request: Request) -> Response:
        product = request.query_params["product_id"]
        return old_shop(f"product:{product}:variants:list", 60, lambda: SOURCE.read(request))

    def retrieve(self, request: Request, pk: str) -> Response:
        return old_shop(f"product:{pk}", 60, lambda: SOURCE.read(request))


class Products(ViewSet):
    @django_ecommerce.cache_api_response(
        60,
        "product:variants:list",
        original_key="product:{product_id}:variants:list",
        shared=True,
        params=["product_id"],
        values="original",
    )
    def list(self, request: Request) -> Response:
        return SOURCE.read(request)

    @django_ecommerce.cache_api_response(60, "product:{pk}", shared=True, values="original")
    def retrieve(self, request: Request, pk: str) -> Response:
        return SOURCE.read(request)


class NativeEmployees(ViewSet):
    """What becomes of the view when no old worker is left."""

    @nalar.cache_api_response(60, "employees", shared=True)
    def list(self, request: Request) -> Response:
        return SOURCE.read(request)


def _routes(*views: tuple[str, type[ViewSet]]) -> Any:
    router = SimpleRouter()
    for name, view in views:
        router.register(name, view, basename=name)
    return include(router.urls)


urlpatterns = [
    path("old/", _routes(("employees", OldEmployees), ("products", OldProducts))),
    path(
        "new/",
        _routes(("employees", Employees), ("advances", Advances), ("inherited", Inheriting), ("products", Products)),
    ),
    path("function", function),
    path("native/", _routes(("employees", NativeEmployees))),
]
