"""Nothing computed for one is given to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory

from hitrate.exceptions import ConfigError
from tests.with_django.responses import views
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")


@pytest.fixture
def browsers(user: Any) -> Iterator[tuple[Client, Client, Client]]:
    """Browsers of two users, and of nobody."""
    from django.contrib.auth.models import User

    other = User.objects.create_user("bob", password="secret")
    first, second = Client(), Client()
    first.force_login(user)
    second.force_login(other)
    yield first, second, Client()
    other.delete()


@pytest.mark.parametrize("path", ["/function", "/coroutine", "/rest", "/api/public/7/"])
def test_users_get_their_own(path: str, site: Any, runs: Runs, browsers: tuple[Client, Client, Client]) -> None:
    for _ in range(2):
        assert [browser.get(path).json()["user"] for browser in browsers] == ["ada", "bob", ""]
    assert runs.count == 3


def test_an_answer_for_everybody_is_computed_once(
    site: Any, runs: Runs, browsers: tuple[Client, Client, Client]
) -> None:
    assert [browser.get("/listed").json()["run"] for browser in browsers] == [1, 1, 1]


def test_permissions_are_checked_before_a_hit(site: Any, runs: Runs, browsers: tuple[Client, Client, Client]) -> None:
    assert [browser.get("/guarded").status_code for browser in browsers] == [200, 200, 403]
    assert runs.count == 1


def test_throttles_count_hits(site: Any, runs: Runs, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.throttling import AnonRateThrottle

    monkeypatch.setattr(AnonRateThrottle, "rate", "2/day", raising=False)
    assert [client.get("/api/throttled/").status_code for _ in range(3)] == [200, 200, 429]


def test_tenants_plans_and_currencies_are_told_apart(
    site: Any, runs: Runs, browsers: tuple[Client, Client, Client]
) -> None:
    ada, bob, _ = browsers

    def ask(browser: Client, tenant: str, **more: Any) -> int:
        answer = browser.get("/tenant", headers={"x-tenant": tenant, **more}).json()
        assert answer["tenant"] == tenant
        return int(answer["run"])

    assert ask(ada, "1") == ask(bob, "1") == 1
    assert ask(ada, "2") == 2
    assert ask(ada, "1", **{"x-plan": "gold"}) == 3
    assert ask(ada, "1", **{"x-plan": ""}) == 4
    bob.cookies["currency"] = "EUR"
    assert ask(bob, "1") == 5
    bob.cookies["currency"] = "EUR&=tenant"
    assert ask(bob, "1") == 6
    assert ask(ada, "1:h1") == 7


def test_a_function_tells_askers_apart(site: Any, runs: Runs, client: Client) -> None:
    assert [client.get(f"/computed?shop={shop}&same=1").json()["run"] for shop in ("a", "b", "a")] == [1, 2, 1]


def test_an_attribute_that_is_missing_is_named(site: Any) -> None:
    from hitrate.django import cache_api_response

    @cache_api_response(vary_on="company")
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(ConfigError, match="company"):
        view(RequestFactory().get("/"))


def test_credentials_that_nobody_checked_go_past(site: Any, runs: Runs, client: Client) -> None:
    client.get("/function")
    answer = client.get("/function", headers={"authorization": "Bearer of another service"})
    assert (answer.json()["run"], answer.headers["Cache-Status"]) == (2, "hitrate; fwd=bypass; detail=authorization")
    assert client.get("/function").json()["run"] == 1


def _answering(runs: Runs, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
    runs.answer = answer


def _response(status: int = 200, **headers: str) -> Callable[[HttpRequest], HttpResponse]:
    return lambda request: HttpResponse(
        "x", status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def _cookie(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse("x")
    answer.set_cookie("visitor", "5")
    return answer


NEVER: dict[str, tuple[str, Callable[[HttpRequest], HttpResponseBase]]] = {
    "status": ("status", _response(404)),
    "error": ("status", _response(500)),
    "created": ("status", _response(201)),
    "private": ("private", _response(Cache_Control="private")),
    "no-store": ("no-store", _response(Cache_Control="no-store")),
    "vary": ("vary", _response(Vary="*")),
    "old": ("expired", _response(Cache_Control="max-age=0")),
    "cookie": ("set-cookie", _cookie),
    "streaming": ("streaming", views.streaming),
    "large": ("too-large", lambda request: HttpResponse(b"x" * ((1 << 20) + 1))),
    "token": ("csrf-token", views.with_token),
    "message": ("messages", views.with_message),
}


@pytest.mark.parametrize("path", ["/any", "/shared"])
@pytest.mark.parametrize("name", NEVER)
def test_what_may_be_one_visitors_is_never_stored(name: str, path: str, site: Any, runs: Runs, client: Client) -> None:
    reason, runs.answer = NEVER[name]
    for run in (1, 2):
        answer = client.get(path)
        if name == "streaming":
            answer.getvalue()
        assert runs.count == run
        assert answer.headers["Cache-Status"] == f"hitrate; fwd=miss; detail={reason}"


def test_a_stranger_s_session_is_not_everybody_s(site: Any, runs: Runs, client: Client) -> None:
    runs.answer = views.with_session
    assert client.get("/any").headers["Cache-Status"].endswith("detail=session")
    session = client.session
    session["cart"] = "shoes"
    session.save()
    assert client.get("/any").content == b"shoes"
    assert Client().get("/any").content == b"no cart"


def test_hosts_and_schemes_have_links_of_their_own(site: Any, runs: Runs, client: Client) -> None:
    links = [
        client.get("/listed", headers={"host": host}, secure=secure).json()["link"]
        for host, secure in (("a.example", False), ("b.example", False), ("a.example", True), ("a.example", False))
    ]
    assert links == [
        f"{s}://{h}/listed"
        for s, h in (("http", "a.example"), ("http", "b.example"), ("https", "a.example"), ("http", "a.example"))
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-proto": "https"},
        {"x-original-url": "/admin"},
        {"forwarded": "host=evil.example"},
        {"accept": "text/evil"},
        {"x-http-method-override": "DELETE"},
    ],
)
def test_headers_of_one_poison_nothing_for_another(
    headers: dict[str, str], site: Any, runs: Runs, client: Client
) -> None:
    client.get("/listed?page=1", headers=headers)
    clean = client.get("/listed?page=1").json()
    assert clean["link"] == "http://testserver/listed?page=1"


def test_undeclared_parameters_are_kept_from_the_view(site: Any, runs: Runs, client: Client) -> None:
    first = client.get("/listed?utm=1&page=2&evil=%22%3E").json()
    assert (first["query"], first["link"]) == ("page=2", "http://testserver/listed?page=2")
    assert client.get("/listed?page=2&other=5").json() == first


def test_parameters_cannot_be_cloaked(site: Any, runs: Runs, client: Client) -> None:
    queries = ["a=1&b=2", "a=1%26b%3D2", "b=2&a=1", "a=1;b=2", "a=1&a=2", "a=2&a=1", "a=1&b=2#x", "a%3D1=&b=2", "a="]
    answers = [client.get(f"/function?{query}").json() for query in queries]
    for query, answer in zip(queries, answers, strict=True):
        assert client.get(f"/function?{query}").json() == answer
    seen = {answer["run"]: answer["query"] for answer in answers}
    # Only the order of different parameters makes no difference.
    assert len(seen) == len(queries) - 2


def test_a_get_with_a_body_goes_past(site: Any, runs: Runs, client: Client) -> None:
    client.get("/function")
    answer = client.generic("GET", "/function", b"page=5", content_type="application/x-www-form-urlencoded")
    assert answer.headers["Cache-Status"] == "hitrate; fwd=bypass; detail=request-body"
    assert client.get("/function").json()["run"] == 1
