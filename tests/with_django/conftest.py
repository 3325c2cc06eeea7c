"""Django, configured once per process, and caches on the test server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import django
import pytest
from django.conf import settings
from django.test.utils import override_settings

from hitrate.testing import Endpoint

# For tests that are not about deadlines: busy machines are slow at times.
PATIENT = {"TIMEOUT": 10}

if not settings.configured:
    settings.configure(
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "hitrate.django",
            "tests.with_django.shelf",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={
            alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"} for alias in ("default", "other")
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="tests.with_django.site",
        USE_TZ=True,
    )
    django.setup()


@pytest.fixture
def use_caches() -> Iterator[Callable[..., None]]:
    """Set ``settings.CACHES["default"]`` (and other settings) until the test ends."""
    with ExitStack() as stack:

        def use(params: dict[str, Any], **others: Any) -> None:
            if "hitrate" in params["BACKEND"]:
                params = {**params, "OPTIONS": {**PATIENT, **params.get("OPTIONS", {})}}
            stack.enter_context(override_settings(CACHES={"default": params}, **others))

        yield use


@pytest.fixture
def django_cache(server: Endpoint, prefix: str, use_caches: Callable[..., None]) -> Any:
    """Django's default cache, over hitrate, on the test's server and prefix."""
    from django.core.cache import cache

    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix})
    return cache


@pytest.fixture(scope="session")
def _tables() -> None:
    from django.core.management import call_command

    for alias in ("default", "other"):
        call_command("migrate", run_syncdb=True, verbosity=0, database=alias)


@pytest.fixture
def user(_tables: None) -> Iterator[Any]:
    """A user in the database, whose password is ``secret``."""
    from django.contrib.auth.models import User

    found = User.objects.create_user("ada", password="secret")
    yield found
    found.delete()
