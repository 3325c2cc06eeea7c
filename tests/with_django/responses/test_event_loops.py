"""Whose an answer is where views are coroutines."""

from __future__ import annotations

import types
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from rest_framework.request import Request

from hitrate.django import cache_api_response, rate_limit
from tests.with_django.responses.test_crossing import ByHeader

pytestmark = pytest.mark.usefixtures("_tables")


@cache_api_response(60, key_prefix="authenticated")
async def kept(request: Request) -> HttpResponse:
    return HttpResponse(request.user.pk)


@rate_limit("100/m", by="user")
async def limited(request: Request) -> HttpResponse:
    return HttpResponse(request.user.pk)


def of_rest(view: Any) -> Any:
    """Call a coroutine with REST framework's request, as packages do that have its views await."""

    async def answer(request: HttpRequest) -> HttpResponse:
        found = Request(request, authenticators=[ByHeader()])
        await sync_to_async(lambda: found.user)()
        answered: HttpResponse = await view(found)
        return answered

    return answer


@pytest.mark.parametrize("view", [kept, limited])
async def test_rest_framework_s_user_stays(site: Any, view: Any) -> None:
    with _at_root(of_rest(view)):
        for _ in range(2):
            for name in ("ada", "bob"):
                assert (await AsyncClient().get("/", headers={"x-api-key": name})).content.decode() == name


async def greeting(request: HttpRequest) -> HttpResponse:
    return HttpResponse((await request.auser()).get_username() or "nobody")


@pytest.mark.parametrize("vary_on", ["host", "language"])
def test_the_user_of_a_session_that_nothing_tells_apart_is_not_everybody_s(site: Any, user: Any, vary_on: str) -> None:
    ada = Client()
    ada.force_login(user)
    with _at_root(cache_api_response(60, key_prefix=f"greeting-{vary_on}", vary_on=vary_on)(greeting)):
        for _ in range(2):
            assert ada.get("/").content == b"ada"
            assert Client().get("/").content == b"nobody"


def test_an_answer_for_everybody_is_given_without_a_look_at_who_asks(site: Any, user: Any) -> None:
    @cache_api_response(60, key_prefix="everybody", shared=True)
    async def everybody(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("fine")

    ada = Client()
    ada.force_login(user)
    with _at_root(everybody):
        for _ in range(2):
            # Django says so of every answer for which the session was read.
            assert "Vary" not in ada.get("/").headers


def _at_root(view: Any) -> Any:
    urls = types.ModuleType("urls")
    urls.urlpatterns = [path("", view)]  # type: ignore[attr-defined]
    return override_settings(ROOT_URLCONF=urls)
