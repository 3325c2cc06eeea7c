"""One rebuild per key; nothing stale is stored; old answers stand in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.test import Client

from hitrate.django import invalidate_cache, invalidate_keys, invalidate_tags
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")

AT_A_TIME = 24


def _together(ask: Callable[[], Any], count: int = AT_A_TIME) -> list[Any]:
    barrier = threading.Barrier(count)

    def go() -> Any:
        barrier.wait()
        return ask()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(go) for _ in range(count)]]


def test_many_requests_for_one_cold_key_run_the_view_once(site: Any, runs: Runs) -> None:
    answers = _together(lambda: Client().get("/slow"))
    assert {answer.json()["run"] for answer in answers} == {1}
    assert runs.count == 1
    assert sum("collapsed" in answer.headers["Cache-Status"] for answer in answers) > 0


def test_answers_that_are_not_stored_do_not_wait_for_one_another(site: Any, runs: Runs) -> None:
    runs.answer = lambda request: HttpResponse(status=404)
    # Passed only by views that run at a time.
    others = threading.Barrier(AT_A_TIME - 1)

    def hold() -> None:
        if runs.count > 0:
            others.wait(30)

    runs.during = hold
    assert {answer.status_code for answer in _together(lambda: Client().get("/shared"))} == {404}


@pytest.mark.parametrize("forget", ["pattern", "key", "tags", "delete", "clear"])
def test_what_was_invalidated_meanwhile_is_not_stored(forget: str, site: Any, runs: Runs, client: Client) -> None:
    forgets: dict[str, Callable[[], Any]] = {
        "pattern": lambda: invalidate_cache("tagged:*"),
        "key": lambda: invalidate_keys("tagged:tagged:pk=5"),
        "tags": lambda: invalidate_tags("thing:5"),
        "delete": lambda: site.delete_many(list(site.iter_keys("tagged:*"))),
        "clear": site.clear,
    }
    runs.during = forgets[forget]
    assert client.get("/tagged/5").headers["Cache-Status"] == "hitrate; fwd=miss"
    runs.during = lambda: None
    assert client.get("/tagged/5").json()["run"] == 2
    assert client.get("/tagged/5").json()["run"] == 2


def test_a_tag_forgets_what_bears_it(site: Any, runs: Runs, client: Client) -> None:
    def ask() -> list[int]:
        return [client.get(f"/tagged/{pk}").json()["run"] for pk in (9, 91)]

    assert ask() == ask() == [1, 2]
    invalidate_tags("thing:9")
    assert ask() == ask() == [3, 2]
    invalidate_tags("things")
    assert ask() == [4, 5]


def test_patterns_forget_what_begins_so(site: Any, runs: Runs, client: Client) -> None:
    client.get("/function/9")
    client.get("/function/91")
    assert invalidate_cache("function:function:pk=9:*") == 1
    assert [client.get(f"/function/{pk}").json()["run"] for pk in (9, 91)] == [3, 2]


def test_an_old_answer_is_served_while_one_request_rebuilds(site: Any, runs: Runs, client: Client) -> None:
    assert client.get("/stale").json()["run"] == 1
    time.sleep(0.25)
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert go_on.wait(10)

    runs.during = hold
    with ThreadPoolExecutor(1) as pool:
        rebuild = pool.submit(lambda: Client().get("/stale"))
        assert entered.wait(10)
        old = client.get("/stale")
        assert (old.json()["run"], "ttl=-" in old.headers["Cache-Status"]) == (1, True)
        go_on.set()
        assert rebuild.result().json()["run"] == 2
    assert client.get("/stale").json()["run"] == 2


@pytest.mark.parametrize("failure", ["raises", "500"])
def test_an_old_answer_stands_in_for_a_view_that_fails(failure: str, site: Any, runs: Runs) -> None:
    client = Client(raise_request_exception=False)
    runs.answer = lambda request: JsonResponse({"good": True})
    assert client.get("/errors").json() == {"good": True}
    time.sleep(0.25)

    def fail(request: HttpRequest) -> HttpResponse:
        if failure == "500":
            return HttpResponse(status=500)
        raise OSError("no database")

    runs.answer = fail
    for run in (2, 3):
        answer = client.get("/errors")
        assert (answer.json(), runs.count) == ({"good": True}, run)
        assert "view-failed" in answer.headers["Cache-Status"]


def test_not_found_is_an_answer_and_no_failure(site: Any, runs: Runs, client: Client) -> None:
    runs.answer = lambda request: JsonResponse({"good": True})
    client.get("/errors")
    time.sleep(0.25)

    def gone(request: HttpRequest) -> HttpResponse:
        raise Http404

    runs.answer = gone
    assert client.get("/errors").status_code == 404


def test_a_failure_frees_the_lease_and_the_next_request_rebuilds(site: Any, runs: Runs) -> None:
    client = Client(raise_request_exception=False)

    def fail(request: HttpRequest) -> HttpResponse:
        raise OSError("no database")

    runs.answer = fail
    assert client.get("/shared").status_code == 500
    runs.answer = lambda request: HttpResponse("good")
    # Beside a lease that still ran nothing would be stored.
    assert client.get("/shared").headers["Cache-Status"] == "hitrate; fwd=miss; stored"


def test_a_server_that_is_away_makes_no_site_sick(
    prefix: str, use_caches: Callable[..., None], runs: Runs, client: Client
) -> None:
    use_caches(
        {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "KEY_PREFIX": prefix,
            "OPTIONS": {"TIMEOUT": 0.2},
        },
        ROOT_URLCONF="tests.with_django.responses.views",
    )
    for run in (1, 2, 3):
        answer = client.get("/listed")
        assert (answer.json()["run"], answer.headers["Cache-Status"]) == (run, "hitrate; fwd=miss")
