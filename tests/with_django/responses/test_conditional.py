"""What clients and caches on the way are told, and may ask for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.utils.translation import deactivate, get_language

from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")


def test_a_client_that_has_the_answer_is_spared_it(site: Any, runs: Runs, client: Client) -> None:
    tag = client.get("/listed").headers["ETag"]
    for path, count in (("/listed", 1), ("/listed?page=2", 2)):
        if path != "/listed":
            tag = client.get(path).headers["ETag"]
        spared = client.get(path, headers={"if-none-match": f'"other", W/{tag}'})
        assert (spared.status_code, spared.content, runs.count) == (304, b"", count)
        assert spared.headers["ETag"] == tag
        assert "Content-Length" not in spared.headers


def test_a_miss_spares_the_client_as_well(site: Any, runs: Runs, client: Client) -> None:
    tag = client.get("/listed").headers["ETag"]
    site.clear()
    runs.reset()
    assert client.get("/listed", headers={"if-none-match": tag}).status_code == 304
    assert runs.count == 1


def test_last_modified_is_heeded(site: Any, runs: Runs, client: Client) -> None:
    said = "Sun, 06 Nov 1994 08:49:37 GMT"
    runs.answer = lambda request: HttpResponse("x", headers={"Last-Modified": said})
    client.get("/shared")
    assert client.get("/shared", headers={"if-modified-since": said}).status_code == 304
    assert client.get("/shared", headers={"if-modified-since": said.replace("1994", "1993")}).status_code == 200


def test_head_is_answered_from_get(site: Any, runs: Runs, client: Client) -> None:
    whole = client.get("/listed")
    head = client.head("/listed")
    assert (head.content, runs.count) == (b"", 1)
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert head.headers["ETag"] == whole.headers["ETag"]


def test_head_is_not_stored(site: Any, runs: Runs, client: Client) -> None:
    client.head("/listed")
    assert client.get("/listed").json()["run"] == 2


def test_a_range_gets_the_whole(site: Any, runs: Runs, client: Client) -> None:
    part = {"range": "bytes=0-1"}
    assert client.get("/listed", headers=part).headers["Cache-Status"] == "hitrate; fwd=bypass; detail=range"
    whole = client.get("/listed").content
    hit = client.get("/listed", headers=part)
    assert (hit.status_code, hit.content, runs.count) == (200, whole, 2)


def test_an_old_answer_says_its_age(site: Any, runs: Runs, client: Client) -> None:
    runs.answer = lambda request: HttpResponse("x", headers={"Age": "40", "Cache-Control": "max-age=90"})
    client.get("/shared")
    hit = client.get("/shared")
    assert 40 <= int(hit.headers["Age"]) <= 60
    assert 20 < int(hit.headers["Cache-Status"].rpartition("ttl=")[2]) <= 50


def test_what_is_not_shared_is_private_to_caches_on_the_way(site: Any, runs: Runs, client: Client) -> None:
    for _ in range(2):
        assert client.get("/function").headers["Cache-Control"] == "private, no-cache"
        assert client.get("/listed").headers["Cache-Control"] == "no-cache"


def test_staff_may_ask_for_a_fresh_answer(site: Any, runs: Runs, client: Client) -> None:
    anew = {"cache-control": "no-cache"}
    staff = User.objects.create_user("eve", is_staff=True)
    boss = Client()
    boss.force_login(staff)
    assert client.get("/staff").json()["run"] == 1
    assert client.get("/staff", headers=anew).json()["run"] == 1
    assert boss.get("/staff", headers=anew).json()["run"] == 2
    # It took the place of the old one.
    assert client.get("/staff").json()["run"] == 2
    staff.delete()


def test_clients_are_obeyed_where_that_was_said(site: Any, runs: Runs, client: Client) -> None:
    missing = client.get("/obeying", headers={"cache-control": "only-if-cached"})
    assert (missing.status_code, runs.count) == (504, 0)
    assert client.get("/obeying").json()["run"] == 1
    assert client.get("/obeying", headers={"cache-control": "only-if-cached"}).json()["run"] == 1
    assert client.get("/obeying", headers={"cache-control": "max-age=0"}).json()["run"] == 2
    assert client.get("/obeying", headers={"cache-control": "min-fresh=4000"}).json()["run"] == 3
    assert client.get("/obeying", headers={"cache-control": "no-store"}).json()["run"] == 3


def test_what_an_answer_varies_on_is_learned(site: Any, runs: Runs, client: Client) -> None:
    def by_plan(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"plan": request.headers.get("X-Plan")}, headers={"Vary": "X-Plan"})

    runs.answer = by_plan
    learning = client.get("/any", headers={"x-plan": "a"})
    assert learning.headers["Cache-Status"] in ("hitrate; fwd=miss; detail=vary-learned", "hitrate; fwd=miss; stored")
    for _ in range(2):
        for plan in ("a", "b", ""):
            assert client.get("/any", headers={"x-plan": plan}).json() == {"plan": plan}
        assert client.get("/any").json() == {"plan": None}
    before = runs.count
    client.get("/any", headers={"x-plan": "b"})
    assert runs.count == before


def test_languages_have_answers_of_their_own(
    site: Any, runs: Runs, client: Client, settings_for_languages: None
) -> None:
    runs.answer = lambda request: HttpResponse(get_language() or "")
    for _ in range(2):
        for language in (b"de", b"fr"):
            assert client.get("/shared", headers={"accept-language": language.decode()}).content == language
    assert runs.count == 2


@pytest.fixture
def settings_for_languages(site: Any) -> Any:
    from django.test import override_settings

    from tests.with_django.responses.conftest import MIDDLEWARE

    with override_settings(MIDDLEWARE=[*MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]):
        yield
    # Which the middleware leaves to the next request of this thread.
    deactivate()


def test_entries_of_compressed_pages_are_right(site: Any, runs: Runs, client: Client) -> None:
    from django.test import override_settings

    from tests.with_django.responses.conftest import MIDDLEWARE

    runs.answer = lambda request: HttpResponse("x" * 1000)
    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", *MIDDLEWARE]):
        for _ in range(2):
            packed = client.get("/shared", headers={"accept-encoding": "gzip"})
            assert (packed.headers["Content-Encoding"], len(packed.content) < 1000) == ("gzip", True)
            assert client.get("/shared").content == b"x" * 1000
    assert runs.count == 1


def test_an_answer_that_is_not_rendered_yet_is_let_through(site: Any, client: Client) -> None:
    response = client.get("/rest", headers={"if-match": '"x"'})
    assert response.status_code == 200
    assert response["Cache-Status"] == "hitrate; fwd=bypass; detail=precondition"
