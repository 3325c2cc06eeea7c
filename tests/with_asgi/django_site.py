"""A site of Django under ASGI, for one worker: async views, REST framework, the decorator and the async verbs."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="none",
    USE_TZ=True,
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
    CACHES={
        "default": {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": os.environ["APP_CACHE_URL"],
            "KEY_PREFIX": "site",
            "OPTIONS": {
                "SOCKET_TIMEOUT": float(os.environ.get("APP_DEADLINE", "0.3")),
                "IGNORE_EXCEPTIONS": True,
            },
        }
    },
)
django.setup()

from django.core.cache import cache  # noqa: E402  needs the settings
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from hitrate.django import ainvalidate_tags, cache_api_response  # noqa: E402
from hitrate.testing import Endpoint  # noqa: E402

runs = itertools.count(1)
cancelled: list[str] = []


def said() -> str:
    return f"{os.getpid()}:{next(runs)}"


@cache_api_response(300, "page", shared=True, tags=["pages"])
async def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(said())


class Rest(APIView):
    """Synchronous, which Django runs in a thread."""

    @cache_api_response(300, "rest", shared=True, tags=["pages"])
    def get(self, request: Any) -> Response:
        return Response({"said": said()})


@cache_api_response(300, "slow", shared=True, lease=600, wait=600)
async def slow(request: HttpRequest) -> HttpResponse:
    """Take until the test says so: until the key ``go`` is there."""
    server = Endpoint(os.environ["APP_CACHE_URL"])
    await asyncio.to_thread(server.execute, "INCR", "begun")
    try:
        while not await asyncio.to_thread(server.execute, "EXISTS", "go"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        cancelled.append("slow")
        raise
    return HttpResponse(said())


async def verbs(request: HttpRequest) -> JsonResponse:
    """Use every async verb of Django's once."""
    await cache.aclear()
    found: dict[str, Any] = {"nothing": await cache.aget("a")}
    await cache.aset("a", 1, 60)
    found["added"] = [await cache.aadd("a", 2), await cache.aadd("b", 2)]
    found["a"] = await cache.aget("a")
    found["counted"] = [await cache.aincr("a", 5), await cache.adecr("a")]
    found["touched"] = [await cache.atouch("a", 60), await cache.atouch("none")]
    found["failed"] = await cache.aset_many({"c": [1], "d": {"e": None}})
    found["many"] = await cache.aget_many(["a", "b", "c", "d", "none"])
    found["made"] = [await cache.aget_or_set("f", 7), await cache.aget_or_set("f", 8)]
    found["has"] = [await cache.ahas_key("f"), await cache.adelete("f"), await cache.ahas_key("f")]
    await cache.adelete_many(["a", "b"])
    found["left"] = await cache.aget_many(["a", "b", "c"])
    found["version"] = await cache.aincr_version("c")
    await cache.aclose()
    found["afterwards"] = await cache.aget("c", version=2)
    return JsonResponse(found)


async def forget(request: HttpRequest) -> HttpResponse:
    await ainvalidate_tags("pages")
    return HttpResponse("forgotten")


async def waited(request: HttpRequest) -> JsonResponse:
    stats = cache._client.stats()
    return JsonResponse(
        {"timeouts": stats["timeouts"], "breaker": stats["breaker"]["state"], "cancelled": len(cancelled)}
    )


urlpatterns = [
    path("page", page),
    path("rest", Rest.as_view()),
    path("slow", slow),
    path("verbs", verbs),
    path("forget", forget),
    path("waited", waited),
]
application = get_asgi_application()
