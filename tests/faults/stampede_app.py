"""A Django site with one cached page. Computing it takes until the test says so: until the key ``go`` is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from hitrate.django import cache_api_response
from hitrate.testing import Endpoint

# Longer than any test waits.
LEASE = 600

settings.configure(
    ALLOWED_HOSTS=["shop.test"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="none",
    USE_TZ=True,
    MIDDLEWARE=[f"{__name__}.counted"],
    CACHES={
        "default": {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": os.environ["APP_CACHE_URL"],
            "KEY_PREFIX": "stampede",
            "OPTIONS": {"SOCKET_TIMEOUT": 60},
        }
    },
)
django.setup()
server = Endpoint(os.environ["APP_CACHE_URL"])


def counted(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Count requests as they come."""

    def answer(request: HttpRequest) -> HttpResponse:
        server.execute("HINCRBY", "arrived", os.getpid(), 1)
        return get_response(request)

    return answer


@cache_api_response(300, "page", shared=True, lease=LEASE, wait=LEASE)
def page(request: HttpRequest) -> HttpResponse:
    run = server.execute("RPUSH", "runs", os.getpid())
    while not server.execute("EXISTS", "go"):
        time.sleep(0.01)
    return HttpResponse(f"run {run}")


urlpatterns = [path("page", page)]
application = get_wsgi_application()
