"""Users whom a middleware has put into the place of Django's own, in async views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from hitrate.django import cache_api_response, rate_limit
from hitrate.testing import Server
from tests.with_django.responses.conftest import MIDDLEWARE

pytestmark = pytest.mark.usefixtures("_tables")


@sync_and_async_middleware
def replaced(get_response: Any) -> Any:
    """As middlewares of tokens, of impersonation and of suspended accounts do it."""

    async def middleware(request: HttpRequest) -> Any:
        name = request.headers.get("as")
        if name == "lazy":
            request.user = SimpleLazyObject(lambda: User.objects.get(username="bob"))
        elif name is not None:
            request.user = User.objects.model(pk=1000 + len(name), username=name) if name else AnonymousUser()
        return await get_response(request)

    return middleware


async def who(request: Any) -> HttpResponse:
    return HttpResponse(request.user.get_username() or "nobody")


async def awho(request: Any) -> HttpResponse:
    return HttpResponse((await request.auser()).get_username() or "nobody")


async def plain(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def sync(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


urlpatterns = [
    path("cached", cache_api_response(60)(who)),
    path("acached", cache_api_response(60)(awho)),
    path("by-user", cache_api_response(60, vary_on=["user"])(who)),
    path("aby-user", cache_api_response(60, vary_on=["user"])(awho)),
    path("limited", rate_limit("100/minute", by="user")(who)),
    path("limited-by-function", rate_limit("100/minute", by=lambda request: request.user.pk)(who)),
    path("aamong", cache_api_response(60, shared=True, vary_on=["user"])(awho)),
    path("plain", plain),
    path("plain-cached", cache_api_response(60, shared=True)(plain)),
    path("plain-by-user", cache_api_response(60)(plain)),
    path("of-everybody/sync", sync),
    path("of-everybody/async", plain),
    path("of-a-user/sync", cache_api_response(60)(sync)),
    path("of-a-user/async", cache_api_response(60)(plain)),
    path("shared", cache_api_response(60, shared=True)(who)),
]


@pytest.fixture
def ask(site: Any, user: Any) -> Any:
    """Ask for a path, as a browser that "ada" signed in with, or another one."""
    User.objects.create_user("bob", password="secret")
    signed_in, other = AsyncClient(), AsyncClient()
    signed_in.force_login(user)

    def answer(address: str, named: str | None = None, *, is_signed_in: bool = True) -> str:
        client, headers = signed_in if is_signed_in else other, {} if named is None else {"as": named}
        with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[*MIDDLEWARE[:2], f"{__name__}.replaced"]):
            return str(async_to_sync(client.get)(address, headers=headers).content.decode())

    yield answer
    User.objects.filter(username="bob").delete()


@pytest.mark.parametrize("address", ["/cached", "/by-user", "/limited", "/limited-by-function"])
def test_whom_a_middleware_named_the_view_is_given_and_the_answer_is_his(address: str, ask: Any) -> None:
    for _ in range(2):
        found = [ask(address), ask(address, ""), ask(address, "eve"), ask(address, "lazy")]
        assert found == ["ada", "nobody", "eve", "bob"]
        assert ask(address, is_signed_in=False) == "nobody"


@pytest.mark.parametrize("address", ["/acached", "/aby-user", "/aamong"])
def test_who_is_signed_in_gets_his_own_from_a_view_that_does_not_ask_the_middleware(address: str, ask: Any) -> None:
    for _ in range(2):
        # The middleware takes both for the same.
        for name in ("", "eve"):
            assert ask(address, name) == "ada"
            assert ask(address, name, is_signed_in=False) == "nobody"
        assert [ask(address), ask(address, is_signed_in=False)] == ["ada", "nobody"]


def test_a_shared_view_is_given_whom_a_middleware_named(ask: Any) -> None:
    assert ask("/shared", "eve") == "eve"


def test_an_answer_for_everybody_asks_the_database_for_nobody(ask: Any, user: Any) -> None:
    loaded: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        loaded.append(sql)
        return execute(sql, *rest)

    for address, expected in (("/plain", 0), ("/plain-cached", 0), ("/plain-by-user", 2)):
        ask(address)
        loaded.clear()
        with connection.execute_wrapper(count):
            ask(address)
        assert len(loaded) == expected, (address, loaded)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_view_that_needs_no_session_is_not_failed_by_one_that_cannot_be_read(
    kind: str, own_server: Server, use_caches: Callable[..., None]
) -> None:
    use_caches(
        {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url, "OPTIONS": {"TIMEOUT": 0.2}},
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        ROOT_URLCONF=__name__,
    )
    own_server.kill()
    client: Any = Client() if kind == "sync" else AsyncClient()
    client.cookies["sessionid"] = "x" * 32
    get = client.get if kind == "sync" else async_to_sync(client.get)
    for address in ("/of-everybody", "/of-a-user"):
        answer = get(f"{address}/{kind}")
        assert (answer.status_code, answer.content) == (200, b"fine"), address
