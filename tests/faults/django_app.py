"""A Django site for one worker: ``/read/<key>`` and ``/write/<key>`` ask the cache server, ``/health`` does not."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="none",
    USE_TZ=True,
    CACHES={
        "default": {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": os.environ["APP_CACHE_URL"],
            "OPTIONS": {"SOCKET_TIMEOUT": 600, "CONNECTION_POOL_KWARGS": {"max_connections": 50}},
        }
    },
)
django.setup()
waiting: set[HttpRequest] = set()


def read(request: HttpRequest, key: str) -> HttpResponse:
    waiting.add(request)
    found = cache.get(key)
    waiting.remove(request)
    return HttpResponse(str(found))


def write(request: HttpRequest, key: str) -> HttpResponse:
    cache.set(key, key)
    return HttpResponse("written")


def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"waiting": len(waiting), "waiter": cache._client.stats()["waiter"]})


urlpatterns = [path("read/<key>", read), path("write/<key>", write), path("health", health)]
application = get_wsgi_application()
