"""Sessions in the cache, through real requests, while the server is there and while it is away."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.cache import SessionStore
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.views.defaults import server_error

from hitrate import ServerError, ServerTimeoutError
from hitrate.django import invalidate_cache
from hitrate.django.sessions import UnreadableSession
from hitrate.layouts import nalar
from hitrate.testing import Server
from tests.with_django import site

CACHE = "django.contrib.sessions.backends.cache"
CACHED_DB = "django.contrib.sessions.backends.cached_db"
PARAMS = {"BACKEND": "hitrate.django.RedisCache", "KEY_PREFIX": "site", "OPTIONS": {"TIMEOUT": 0.5}}


@pytest.fixture
def kept_server(start_server: Callable[..., Server]) -> Server:
    """A server whose data outlives its process."""
    return start_server(args=["--appendonly", "yes", "--appendfsync", "always"])


@pytest.fixture(params=["hangs", "is gone"])
def away(request: pytest.FixtureRequest, kept_server: Server) -> Callable[[], Any]:
    """A context manager in which the server hangs or is gone, and after which it is back with its data."""

    @contextmanager
    def away() -> Iterator[None]:
        if request.param == "hangs":
            kept_server.stop()
            yield
            kept_server.cont()
        else:
            kept_server.kill()
            yield
            kept_server.start()
            until_loaded(kept_server)

    return away


def until_loaded(server: Server) -> None:
    """Return when the server has read its data from disk."""
    give_up = time.monotonic() + 20
    while server.info("persistence")["loading"] != "0":
        assert time.monotonic() < give_up
        time.sleep(0.01)


def browser() -> Client:
    return Client(raise_request_exception=False)


def signed_in(
    engine: str, server: Server, use_caches: Callable[..., None], on_error: str = "miss", **more: Any
) -> Client:
    options = {"TIMEOUT": 0.5, "ON_ERROR": on_error}
    use_caches({**PARAMS, "LOCATION": server.url, "OPTIONS": options}, SESSION_ENGINE=engine, **more)
    client = browser()
    assert client.get("/sign-in", {"name": "ada", "password": "secret"}).status_code == 200
    assert client.get("/who").content == b"ada"
    return client


def until_ok(client: Client, path: str) -> bytes:
    """What the page says once the server was found to be back."""
    give_up = time.monotonic() + 20
    while (response := client.get(path)).status_code != 200:
        assert time.monotonic() < give_up, response
        time.sleep(0.02)
    return response.content


@pytest.mark.parametrize("engine", [CACHE, CACHED_DB])
def test_a_login_survives_while_the_server_is_away(
    engine: str, kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(engine, kept_server, use_caches)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    with away():
        for _ in range(10):
            response = client.get("/who")
            assert settings.SESSION_COOKIE_NAME not in response.cookies
            if engine == CACHED_DB:
                assert response.content == b"ada"
            else:
                # The session is nowhere else, so the page fails; it must not say "nobody".
                assert response.status_code == 500
    assert until_ok(client, "/who") == b"ada"
    assert client.cookies[settings.SESSION_COOKIE_NAME].value == cookie


@pytest.mark.parametrize("engine", [CACHE, CACHED_DB])
def test_a_page_without_session_is_served_while_the_server_is_away(
    engine: str, kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(engine, kept_server, use_caches)
    with away():
        response = client.get("/plain")
        assert response.content == b"plain"
        assert not response.cookies
        assert browser().get("/who").content == b"nobody"
    assert until_ok(client, "/who") == b"ada"


def test_saving_every_request_takes_no_cookie_away(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHE, kept_server, use_caches, SESSION_SAVE_EVERY_REQUEST=True)
    with away():
        response = client.get("/plain")
        assert response.status_code == 500
        assert not response.cookies
    assert until_ok(client, "/who") == b"ada"


def test_nobody_can_sign_in_while_the_server_is_away(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    signed_in(CACHE, kept_server, use_caches)
    client = browser()
    with away():
        response = client.get("/sign-in", {"name": "ada", "password": "secret"})
        assert response.status_code == 500
        assert not response.cookies
    assert until_ok(client, "/who") == b"nobody"


def test_signing_in_works_without_the_cache_where_the_database_has_sessions(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    signed_in(CACHED_DB, kept_server, use_caches)
    client = browser()
    with away():
        assert client.get("/sign-in", {"name": "ada", "password": "secret"}).status_code == 200
        assert client.get("/who").content == b"ada"
    assert until_ok(client, "/who") == b"ada"


def test_signing_out_fails_while_the_server_is_away(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHE, kept_server, use_caches)
    with away():
        assert client.get("/sign-out").status_code == 500
    assert until_ok(client, "/who") == b"ada"


def test_a_cached_session_that_was_signed_out_meanwhile_does_not_come_back(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHED_DB, kept_server, use_caches)
    thief = browser()
    thief.cookies = client.cookies.copy()
    with away():
        assert client.get("/sign-out").content == b"signed out"
        assert client.get("/who").content == b"nobody"
    wait_for_replay(kept_server)
    assert until_ok(thief, "/who") == b"nobody"


@pytest.mark.parametrize("on_error", ["miss", "raise", "ignore"])
def test_a_cached_session_that_was_changed_meanwhile_is_read_from_the_database(
    on_error: str, kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHED_DB, kept_server, use_caches, on_error=on_error)
    assert client.get("/count").content == b"1"
    with away():
        assert client.get("/count").content == b"2"
    wait_for_replay(kept_server)
    assert until_ok(client, "/count") == b"3"


def wait_for_replay(server: Server) -> None:
    """Return when what was remembered has been made up for."""
    give_up = time.monotonic() + 20
    while server.execute("KEYS", "site:1:django.contrib.sessions.cached_db*"):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_an_async_view_keeps_the_session_too(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    signed = signed_in(CACHE, kept_server, use_caches)
    client = AsyncClient(raise_request_exception=False)
    client.cookies = signed.cookies.copy()
    assert async_to_sync(client.get)("/awho").content == b"ada"
    with away():
        response = async_to_sync(client.get)("/awho")
        assert response.status_code == 500
        assert settings.SESSION_COOKIE_NAME not in response.cookies
    assert until_ok(signed, "/who") == b"ada"


def test_what_stands_for_an_unreadable_session_raises_at_every_use(
    kept_server: Server, use_caches: Callable[..., None]
) -> None:
    use_caches({**PARAMS, "LOCATION": kept_server.url})
    session = SessionStore("0123456789abcdef0123456789abcdef")
    kept_server.stop()
    found = cache.get(session.cache_key)
    assert isinstance(found, UnreadableSession)
    uses: list[Callable[[], Any]] = [
        lambda: found["name"],
        lambda: found.get("name"),
        lambda: found.setdefault("name", 1),
        lambda: found.pop("name", None),
        lambda: found.update(name=1),
        lambda: found.__delitem__("name"),
        lambda: "name" in found,
        lambda: list(found),
        lambda: dict(found),
        lambda: bool(found),
        lambda: pickle.dumps(found),
        lambda: session["name"],
        lambda: session.keys() and list(session.keys()),
        session.save,
    ]
    for use in uses:
        with pytest.raises(ServerError):
            use()
    assert session.session_key == "0123456789abcdef0123456789abcdef"
    kept_server.cont()


def test_other_keys_miss_while_the_server_is_away(kept_server: Server, use_caches: Callable[..., None]) -> None:
    use_caches({**PARAMS, "LOCATION": kept_server.url})
    cache.set("product", 1)
    kept_server.stop()
    assert cache.get("product", "default") == "default"
    kept_server.cont()


def test_what_the_project_calls_critical_raises(kept_server: Server, use_caches: Callable[..., None]) -> None:
    use_caches({**PARAMS, "LOCATION": kept_server.url, "OPTIONS": {"TIMEOUT": 0.5, "CRITICAL": ["cart:"]}})
    kept_server.stop()
    with pytest.raises(ServerTimeoutError):
        cache.get("cart:1")
    assert isinstance(cache.get("django.contrib.sessions.cache0123"), UnreadableSession)
    kept_server.cont()


class SiteWithErrorPage:
    """The URLs of the site, and the error page that docs/features/django.md shows."""

    urlpatterns = site.urlpatterns

    @staticmethod
    def handler500(request: HttpRequest) -> HttpResponse:
        if isinstance(sys.exc_info()[1], ServerError):
            return HttpResponse("Back in a moment.", status=503, headers={"Retry-After": "5"})
        return server_error(request)


def test_the_error_page_can_tell_that_it_is_the_cache(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHE, kept_server, use_caches, ROOT_URLCONF=SiteWithErrorPage)
    with away():
        response = client.get("/who")
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert not response.cookies
    assert until_ok(client, "/who") == b"ada"


def test_ignoring_failures_does_not_log_people_out(
    kept_server: Server, away: Callable[[], Any], use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(CACHE, kept_server, use_caches, on_error="ignore")
    with away():
        response = client.get("/who")
        assert (response.status_code, list(response.cookies)) == (500, [])
    assert until_ok(client, "/who") == b"ada"


@pytest.mark.parametrize("engine", [CACHE, CACHED_DB])
def test_forgetting_everything_logs_nobody_out(
    engine: str, kept_server: Server, use_caches: Callable[..., None], user: Any
) -> None:
    client = signed_in(engine, kept_server, use_caches)
    cache.set_many({"page": 1, "employees:list::": 1})
    invalidate_cache("*")
    nalar.invalidate_cache("*")
    assert cache.get_many(["page", "employees:list::"]) == {}
    assert len(list(cache.iter_keys("django.contrib.sessions*"))) == 1
    assert client.get("/who").content == b"ada"
    assert nalar.invalidate_cache("django.contrib.sessions*") == 1
