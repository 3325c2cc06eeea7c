"""Views of every kind, with cached answers that tell how often and for whom they were computed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from hitrate.django import CachedViewMixin, cache_api_response


class Runs:
    """
    How often the views ran, and what they are to do.

    Attributes:
        count: since `reset()`.
        during: called by each run in its middle.
        answer: what the view `any_answer` gives.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.count = 0
        self._numbers = itertools.count(1)
        self.during: Callable[[], Any] = lambda: None
        self.answer: Callable[[HttpRequest], HttpResponseBase] = lambda request: HttpResponse("plain")

    def one(self) -> int:
        self.during()
        self.count = next(self._numbers)
        return self.count


RUNS = Runs()


def who(request: Any) -> str:
    user = getattr(request, "user", None)
    return user.get_username() if user is not None else ""


@cache_api_response(key_prefix="function")
def function(request: HttpRequest, pk: int = 0) -> JsonResponse:
    return JsonResponse({"run": RUNS.one(), "pk": pk, "user": who(request), "query": dict(request.GET.lists())})


@cache_api_response(key_prefix="coroutine")
async def coroutine(request: HttpRequest) -> JsonResponse:
    await asyncio.sleep(0)
    return JsonResponse({"run": RUNS.one(), "user": who(request)})


@cache_api_response(key_prefix="any")
def any_answer(request: HttpRequest) -> HttpResponseBase:
    RUNS.one()
    return RUNS.answer(request)


@cache_api_response(key_prefix="shared", shared=True)
def shared(request: HttpRequest) -> HttpResponseBase:
    RUNS.one()
    return RUNS.answer(request)


@cache_api_response(key_prefix="listed", shared=True, params=["page"])
def listed(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"run": RUNS.one(), "query": request.GET.urlencode(), "link": request.build_absolute_uri()})


@cache_api_response(key_prefix="tenant", vary_on=["tenant", "header:X-Plan", "cookie:currency"])
def of_tenant(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"run": RUNS.one(), "tenant": request.META["HTTP_X_TENANT"], "user": who(request)})


@cache_api_response(key_prefix="computed", vary_on=lambda request: request.GET.get("shop", "")[:1])
def of_function(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"run": RUNS.one()})


@cache_api_response(timeout=0.2, key_prefix="stale", shared=True, stale=30, stale_on_error=30, jitter=0)
def stale(request: HttpRequest) -> HttpResponseBase:
    number = RUNS.one()
    return JsonResponse({"run": number})


@cache_api_response(timeout=0.2, key_prefix="errors", shared=True, stale_on_error=30, jitter=0)
def errors(request: HttpRequest) -> HttpResponseBase:
    RUNS.one()
    return RUNS.answer(request)


@cache_api_response(key_prefix="staff", shared=True, clients="staff")
def for_staff(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"run": RUNS.one()})


@cache_api_response(key_prefix="obeying", shared=True, clients="always")
def obeying(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"run": RUNS.one()})


@cache_api_response(key_prefix="tagged", shared=True, tags=["things", "thing:{pk}"])
def tagged(request: HttpRequest, pk: int) -> JsonResponse:
    return JsonResponse({"run": RUNS.one(), "pk": pk})


@cache_api_response(key_prefix="slow", shared=True)
def slow(request: HttpRequest) -> JsonResponse:
    number = RUNS.one()
    time.sleep(0.2)
    return JsonResponse({"run": number})


class Plain(View):
    @method_decorator(cache_api_response(key_prefix="class", shared=True))
    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        return JsonResponse({"run": RUNS.one(), "pk": pk})

    def post(self, request: HttpRequest, pk: int) -> JsonResponse:
        return JsonResponse({"run": RUNS.one(), "pk": pk})


class Coroutines(View):
    @cache_api_response(key_prefix="aclass", shared=True)
    async def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"run": RUNS.one()})


class OfREST(APIView):
    @cache_api_response(key_prefix="rest")
    def get(self, request: Request) -> Response:
        return Response({"run": RUNS.one(), "user": who(request)})


class Guarded(APIView):
    permission_classes = [IsAuthenticated]

    @cache_api_response(key_prefix="guarded", shared=True)
    def get(self, request: Request) -> Response:
        return Response({"run": RUNS.one()})


@api_view(["GET"])
@permission_classes([AllowAny])
@cache_api_response(key_prefix="api_view", shared=True)
def of_api_view(request: Request) -> Response:
    return Response({"run": RUNS.one()})


class Things(ViewSet):
    @cache_api_response(key_prefix="things")
    def list(self, request: Request) -> Response:
        return Response([RUNS.one(), type(self).__name__])

    @cache_api_response(key_prefix="thing")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response({"run": RUNS.one(), "pk": pk})

    @action(detail=True)
    @cache_api_response(key_prefix="thing")
    def parts(self, request: Request, pk: str) -> Response:
        return Response({"run": RUNS.one(), "parts": pk})


class OtherThings(Things):
    pass


class Public(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @cache_api_response(key_prefix="public", shared=True)
    def list(self, request: Request) -> Response:
        return Response([RUNS.one()])

    @cache_api_response(key_prefix="personal")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response({"run": RUNS.one(), "pk": pk, "user": who(request)})

    def create(self, request: Request) -> Response:
        return Response(RUNS.one(), status=201)


class Throttled(CachedViewMixin, ViewSet):
    permission_classes = [AllowAny]
    throttle_classes = [AnonRateThrottle]

    @cache_api_response(key_prefix="throttled", shared=True)
    def list(self, request: Request) -> Response:
        return Response([RUNS.one()])


def with_token(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


def with_session(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.session.get("cart", "no cart")))


def with_message(request: HttpRequest) -> HttpResponse:
    messages.info(request, "saved")
    return HttpResponse("saved")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


class TenantMiddleware:
    """Set ``request.tenant`` from a header, as projects do from a host name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.tenant = request.META.get("HTTP_X_TENANT")  # type: ignore[attr-defined]
        return self.get_response(request)


router = DefaultRouter()
router.register("things", Things, basename="things")
router.register("others", OtherThings, basename="others")
router.register("public", Public, basename="public")
router.register("throttled", Throttled, basename="throttled")

urlpatterns = [
    path("function", function),
    path("function/<int:pk>", function),
    path("coroutine", coroutine),
    path("any", any_answer),
    path("shared", shared),
    path("listed", listed),
    path("tenant", of_tenant),
    path("computed", of_function),
    path("stale", stale),
    path("errors", errors),
    path("staff", for_staff),
    path("obeying", obeying),
    path("tagged/<int:pk>", tagged),
    path("slow", slow),
    path("class/<int:pk>", Plain.as_view()),
    path("aclass", Coroutines.as_view()),
    path("rest", OfREST.as_view()),
    path("guarded", Guarded.as_view()),
    path("api_view", of_api_view),
    path("api/", include(router.urls)),
]


@contextmanager
def runs() -> Iterator[Runs]:
    """Count from nought."""
    RUNS.reset()
    yield RUNS
    RUNS.reset()
