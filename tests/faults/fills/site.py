"""The Django project of a run: rows that count, the ways to read them through the cache, and to have them forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import django
from django.conf import settings
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

import hitrate
from hitrate.django import cache_api_response, invalidate_cache, invalidate_keys, invalidate_tags
from hitrate.django.naming import native
from tests.faults.fills.pauses import here as chance
from tests.faults.fills.pauses import part_the_steps, pause
from tests.faults.fills.plan import Plan

TABLE = "hitrate_fills"
PREFIX = "fills"
TIMEOUT = 300
PAGES = ("plain", "renewed", "snapshot")
# Readers in snapshots have this alias, whose requests are transactions as with ATOMIC_REQUESTS.
SNAPSHOTS = "snapshots"


class _Here(threading.local):
    """
    Attributes:
        queries: how often this thread has queried a row to cache it.
    """

    queries = 0


here = _Here()


def configure(plan: Plan) -> None:
    """Set Django up in this process."""
    kept_open = {"CONN_MAX_AGE": None}
    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="only for tests",
        USE_TZ=True,
        DATABASES={
            "default": {**plan.database, **kept_open},
            SNAPSHOTS: {**plan.snapshots, **kept_open, "ATOMIC_REQUESTS": True},
        },
        CACHES={
            "default": {
                "BACKEND": "hitrate.django.RedisCache",
                "LOCATION": plan.cache_url,
                "KEY_PREFIX": PREFIX,
                "OPTIONS": {"SOCKET_TIMEOUT": 30},
            }
        },
    )
    django.setup()
    part_the_steps()


def create_table(rows: int) -> None:
    """Begin with all rows at version 1."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TABLE {TABLE} (id integer PRIMARY KEY, version integer NOT NULL)")
        cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, 1)", [[row] for row in range(rows)])


def drop_table() -> None:
    """Leave nothing in a database that is not ours."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


def version_of(row: int, using: str = "default") -> int:
    """Query the version of a row."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT version FROM {TABLE} WHERE id = %s", [row])
        (version,) = cursor.fetchone()
    return int(version)


def advance(row: int) -> int:
    """Raise a row's version, in the transaction that is open."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET version = version + 1 WHERE id = %s RETURNING version", [row])
        (version,) = cursor.fetchone()
    return int(version)


def _load(row: int, using: str = "default") -> int:
    """What a view or function does when it is run: others commit and forget meanwhile."""
    here.queries += 1
    pause()
    version = version_of(row, using)
    pause()
    return version


def _tags(_request: HttpRequest, pk: int) -> Iterable[str]:
    return ["rows", f"row:{pk}"]


@transaction.non_atomic_requests(using=SNAPSHOTS)
@cache_api_response(TIMEOUT, "page", shared=True, tags=_tags)
def plain(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(str(_load(pk)))


@transaction.non_atomic_requests(using=SNAPSHOTS)
@cache_api_response(0.02, "page", shared=True, tags=_tags, stale=TIMEOUT)
def renewed(request: HttpRequest, pk: int) -> HttpResponse:
    """Its entries grow old within the run, so that leases stand within entries that are served meanwhile."""
    return HttpResponse(str(_load(pk)))


@cache_api_response(TIMEOUT, "page", shared=True, tags=_tags)
def snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(str(_load(pk, SNAPSHOTS)))


def in_a_snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    # As authentication does, in the request's transaction and before the cache is asked: this takes the snapshot.
    version_of(pk, SNAPSHOTS)
    pause()
    return snapshot(request, pk=pk)


def client() -> hitrate.Cache:
    """What is under Django's cache."""
    found = native(caches["default"])
    assert found is not None
    return found


# Its leases run out while it computes.
@hitrate.cached(
    client,
    TIMEOUT,
    prefix="kept",
    key=lambda row: f"row:{row}",
    tags=lambda row: ["rows", f"row:{row}"],
    lease=0.02,
)
def kept(row: int) -> int:
    return _load(row)


@hitrate.cached(
    client,
    TIMEOUT,
    prefix="kept",
    key=lambda row: f"row:{row}:snapshot",
    tags=lambda row: ["rows", f"row:{row}"],
)
def kept_snapshot(row: int) -> int:
    return _load(row, SNAPSHOTS)


def kept_in_a_snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    version_of(pk, SNAPSHOTS)
    pause()
    return HttpResponse(str(kept_snapshot(pk)))


def unguarded(row: int) -> int:
    """What projects write by hand: whatever was forgotten between query and store comes back."""
    cache, key = caches["default"], unguarded_key(row)
    version = cache.get(key)
    if version is None:
        version = _load(row)
        cache.set(key, version, TIMEOUT)
    return int(version)


def unguarded_key(row: int) -> str:
    return f"unguarded:pk={row}:v"


urlpatterns = [
    path("plain/<int:pk>", plain),
    path("renewed/<int:pk>", renewed),
    path("snapshot/<int:pk>", in_a_snapshot),
    path("kept/<int:pk>", kept_in_a_snapshot),
]


def _asks_for(page: str) -> Callable[[int], int]:
    def ask(row: int) -> int:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{page}/{row}",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        found: list[str] = []
        response: Any = _handler()(environ, lambda status, _headers: found.append(status))
        body = b"".join(response)
        response.close()
        assert found == ["200 OK"], (found, body[:500])
        return int(body)

    return ask


_handlers: list[WSGIHandler] = []


def _handler() -> WSGIHandler:
    if not _handlers:
        _handlers.append(WSGIHandler())
    return _handlers[0]


READS: dict[str, Callable[[int], int]] = {
    **{page: _asks_for(page) for page in PAGES},
    "kept": kept,
    "kept snapshot": _asks_for("kept"),
}
UNGUARDED: dict[str, Callable[[int], int]] = {"unguarded": unguarded}


def forget_tag(row: int) -> None:
    invalidate_tags("rows" if chance.random.random() < 0.05 else f"row:{row}")


def forget_keys(row: int) -> None:
    invalidate_keys(
        *(f"page:{page}:pk={row}" for page in PAGES), f"kept:row:{row}", f"kept:row:{row}:h1", unguarded_key(row)
    )


def forget_patterns(row: int) -> None:
    invalidate_cache([f"*:pk={row}:*", f"kept:row:{row}:*"])


FORGETS = (forget_tag, forget_keys, forget_patterns)
# A plain key has no tags.
FORGETS_UNGUARDED = (forget_keys, forget_patterns)
