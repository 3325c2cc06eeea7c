"""A site of cached views, on a server with and without a local cache, and on the embedded store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from hitrate.testing import Endpoint
from tests.with_django.responses.views import Runs
from tests.with_django.responses.views import runs as counted

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tests.with_django.responses.views.TenantMiddleware",
]


@pytest.fixture(params=["server", "local", "memory"])
def site(request: pytest.FixtureRequest, prefix: str, use_caches: Callable[..., None]) -> Any:
    """Django's cache over hitrate, with the views at its URLs."""
    from django.core.cache import cache

    if request.param == "memory":
        location = "memory://responses"
    else:
        endpoint: Endpoint = request.getfixturevalue("server")
        location = endpoint.url
    use_caches(
        {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": location,
            "KEY_PREFIX": prefix,
            "OPTIONS": {"LOCAL": request.param == "local"},
        },
        ROOT_URLCONF="tests.with_django.responses.views",
        MIDDLEWARE=MIDDLEWARE,
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "rest_framework"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    )
    cache.clear()
    return cache


@pytest.fixture
def runs() -> Iterator[Runs]:
    """How often the views ran in this test."""
    with counted() as found:
        yield found


@pytest.fixture
def client() -> Client:
    """A browser that nobody signed in with."""
    return Client()
