"""Every kind of view is cached, and only its reads are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from hitrate.exceptions import ConfigError
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")


@pytest.mark.parametrize(
    "path",
    [
        "/function",
        "/function/7",
        "/coroutine",
        "/class/7",
        "/aclass",
        "/rest",
        "/api_view",
        "/api/things/",
        "/api/things/7/",
        "/api/things/7/parts/",
        "/api/throttled/",
    ],
)
def test_the_second_request_is_answered_from_the_cache(path: str, site: Any, runs: Runs, client: Client) -> None:
    first, second = client.get(path), client.get(path)
    assert (first.status_code, second.status_code) == (200, 200)
    assert runs.count == 1
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert first.headers["Cache-Status"] == "hitrate; fwd=miss; stored"
    assert second.headers["Cache-Status"].startswith("hitrate; hit; ttl=")
    # What REST framework and the middleware add is there either way.
    assert first.headers.get("Allow") == second.headers.get("Allow")
    assert first.headers.get("Vary") == second.headers.get("Vary")


async def test_an_event_loop_is_served_from_the_cache(site: Any, runs: Runs) -> None:
    client = AsyncClient()
    for path in ("/coroutine", "/aclass", "/function"):
        runs.reset()
        first, second = await client.get(path), await client.get(path)
        assert (first.content, runs.count) == (second.content, 1)


def test_other_methods_reach_the_view(site: Any, runs: Runs, client: Client) -> None:
    assert client.get("/class/7").json()["run"] == 1
    assert client.post("/class/7").json()["run"] == 2
    assert client.post("/api/public/").status_code == 201
    assert client.get("/class/7").json()["run"] == 1


def test_each_url_argument_counts(site: Any, runs: Runs, client: Client) -> None:
    for path in ("/function", "/class", "/tagged"):
        assert [client.get(f"{path}/{pk}").json()["pk"] for pk in (1, 2, 1)] == [1, 2, 1]
    assert [client.get(f"/api/things/{pk}/").json()["pk"] for pk in ("a", "a:b", "a%3Ab", "a")] == [
        "a",
        "a:b",
        "a:b",
        "a",
    ]


def test_views_of_one_prefix_and_name_are_told_apart(site: Any, runs: Runs, client: Client) -> None:
    assert client.get("/api/things/").json()[1] == "Things"
    assert client.get("/api/others/").json()[1] == "OtherThings"
    assert client.get("/api/things/").json()[1] == "Things"


def test_a_renderer_has_entries_of_its_own(site: Any, runs: Runs, client: Client) -> None:
    assert client.get("/rest", headers={"accept": "application/json"}).headers["Content-Type"] == "application/json"
    page = client.get("/rest", headers={"accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    # The browsable API shows forms and the user's name.
    assert "browsable-api" in page.headers["Cache-Status"]
    assert client.get("/rest", headers={"accept": "application/json; indent=4"}).content.count(b"\n") > 1


def test_what_is_no_view_says_what_to_use(site: Any) -> None:
    from hitrate.django import cache_api_response

    @cache_api_response()
    def add(a: int, b: int) -> int:
        return a + b

    with pytest.raises(ConfigError, match=r"use hitrate\.cached"):
        add(1, 2)


@pytest.mark.parametrize("answer", [None, {"id": 5}])
def test_what_is_no_answer_is_named(answer: Any, site: Any, runs: Runs, client: Client) -> None:
    runs.answer = lambda _: answer
    with pytest.raises(TypeError, match=f"returned a {type(answer).__name__}; it must return an HttpResponse"):
        client.get("/shared")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"timeout": -1}, "fresh"),
        ({"stale": -1}, "stale"),
        ({"lease": 0}, "lease"),
        ({"jitter": 1}, "jitter"),
        ({"params": "page"}, "params"),
        ({"statuses": [206]}, "206"),
        ({"clients": "some"}, "some"),
        ({"vary_on": ["cookie:"]}, "cookie:"),
        ({"vary_on": [5]}, "5"),
        ({"tags": [str(number) for number in range(65)]}, "names 65, and an answer may have 64"),
        ({"s_maxage": 5}, "s_maxage"),
        ({"s_maxage": 5, "shared": True, "vary_on": "tenant"}, "without vary_on"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_named(arguments: dict[str, Any], named: str) -> None:
    from hitrate.django import cache_api_response

    with pytest.raises(ConfigError, match=named):
        cache_api_response(**arguments)


def test_the_switch_stops_reading_and_filling(site: Any, runs: Runs, client: Client) -> None:
    client.get("/function")
    with override_settings(HITRATE_ENABLED=False):
        assert client.get("/function").json()["run"] == 2
        assert client.get("/function").json()["run"] == 3
    assert client.get("/function").json()["run"] == 1


@pytest.mark.parametrize(("backend", "lines"), [("dummy.DummyCache", 0), ("locmem.LocMemCache", 1)])
def test_in_a_cache_of_another_backend_nothing_is_kept(
    backend: str, lines: int, site: Any, runs: Runs, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caches = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    with override_settings(CACHES=caches, SESSION_ENGINE="django.contrib.sessions.backends.db"):
        for path in ("/function", "/rest", "/coroutine", "/api/public/"):
            for run in (1, 2):
                assert client.get(path).status_code == 200
                assert runs.count == run
            runs.reset()
    assert [record.getMessage() for record in caplog.records if record.name == "hitrate"] == [
        "no answer is kept in CACHES['default'], a LocMemCache; use hitrate.django.RedisCache"
    ] * lines
    client.get("/function")
    assert "hitrate; hit" in client.get("/function").headers["Cache-Status"]
