"""Addresses are remembered, and nothing that told requests apart is lost by it."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation

from hitrate.django.responses import active, address
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.options import Options
from hitrate.django.responses.response import StoredResponse
from hitrate.http import Policy, Vary
from hitrate.http.answer import Pairs
from hitrate.lease import Rules
from tests.with_django.responses import views
from tests.with_django.responses.views import Runs

pytestmark = pytest.mark.usefixtures("_tables")

OPTIONS = Options("prefix", Rules(300), Policy(300, "shared"), "shared", shared=True)


def _view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.fixture
def addresses(use_caches: Callable[..., None]) -> Addresses:
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": "memory://"})
    return Addresses(OPTIONS, _view)


def _key(addresses: Addresses, request: HttpRequest, kwargs: dict[str, Any] | None = None, vary: str = "") -> str:
    names = Vary.parse(vary)
    found = addresses.of(request, request, (), kwargs or {}, names)
    # Asked once more, it is remembered.
    assert addresses.of(request, request, (), kwargs or {}, names) == found
    return found.key


def _get(path: str = "/page?a=1", **headers: str) -> HttpRequest:
    return RequestFactory().get(path, headers=headers)


def test_what_tells_requests_apart_tells_their_addresses_apart(addresses: Addresses) -> None:
    others = [
        _get(),
        _get("/other?a=1"),
        _get("/page?a=2"),
        _get("/page?a=1&b="),
        _get("/page"),
        _get(host="other.example"),
        RequestFactory().get("/page?a=1", SERVER_PORT="8080"),
        RequestFactory().get("/page?a=1", secure=True),
        RequestFactory().get("/page?a=1", SCRIPT_NAME="/shop"),
    ]
    keys = [_key(addresses, request) for request in others]
    keys += [_key(addresses, _get(), vary="X-Plan"), _key(addresses, _get(**{"x-plan": "gold"}), vary="X-Plan")]
    with translation.override("de"):
        keys.append(_key(addresses, _get()))
    with timezone.override("Asia/Jakarta"):
        keys.append(_key(addresses, _get()))
    assert len(set(keys)) == len(keys)
    assert _key(addresses, _get()) == keys[0]


def test_arguments_that_are_equal_but_not_the_same_are_told_apart(addresses: Addresses) -> None:
    values: list[Any] = [1, True, 1.0, "1.00", 0.0, -0.0]
    keys = {_key(addresses, _get(), {"pk": value}) for value in values}
    assert len(keys) == len(values)


def test_a_query_that_was_changed_is_not_taken_for_the_one_in_the_url(addresses: Addresses) -> None:
    asked, changed, replaced = _get(), _get(), _get()
    plain = _key(addresses, asked)
    changed.GET = changed.GET.copy()
    changed.GET["tenant"] = "7"
    replaced.GET = QueryDict("a=2")
    assert len({plain, _key(addresses, changed), _key(addresses, replaced)}) == 3
    assert _key(addresses, replaced) == _key(addresses, _get("/page?a=2"))


def test_what_a_proxy_says_counts_where_it_is_trusted(addresses: Addresses) -> None:
    forwarded = [
        {},
        {"x-forwarded-host": "a.example"},
        {"x-forwarded-host": "b.example"},
        {"x-forwarded-proto": "https"},
    ]

    def addressed() -> int:
        return len({_key(addresses, _get(**headers)) for headers in forwarded})

    assert addressed() == 1
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert addressed() == 3
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            assert addressed() == 4
    assert addressed() == 1


def test_a_host_of_the_projects_own_is_asked_for(addresses: Addresses) -> None:

    class Request(type(_get())):  # type: ignore[misc]
        def get_host(self) -> str:
            return "tenant.example"

    own, patched = Request(_get().META), _get()
    patched.get_host = lambda: "patched.example"  # type: ignore[method-assign]
    assert len({_key(addresses, one) for one in (_get(), own, patched)}) == 3


def test_a_host_that_is_no_longer_allowed_is_refused(site: Any, runs: Runs, client: Client) -> None:
    assert client.get("/listed").status_code == 200
    with override_settings(ALLOWED_HOSTS=["shop.example"]):
        assert client.get("/listed").status_code == 400
        assert client.get("/listed", headers={"host": "shop.example"}).status_code == 200
        assert client.get("/listed", headers={"host": "evil.example"}).status_code == 400


def test_no_client_can_fill_the_memory(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "MOST", 10)
    address.forget()
    for number in range(100):
        _key(addresses, _get(f"/page?a={number}"))
    _key(addresses, _get("/page?a=" + "x" * 10_000))
    assert 0 < len(address._known) <= 10
    assert all(len(repr(seen)) <= address.MOST_CHARS for seen in address._known)


def _ask_django() -> tuple[str | None, str | None]:
    return translation.get_language(), timezone.get_current_timezone_name()


def _after(steps: tuple[Callable[[], Any], ...]) -> tuple[Any, Any]:
    for step in steps:
        step()
    return active.active(), _ask_django()


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (lambda: translation.activate("de"),),
        (lambda: translation.activate("de"), translation.deactivate),
        (translation.deactivate_all,),
        (lambda: timezone.activate("Asia/Jakarta"),),
        (lambda: timezone.activate("Asia/Jakarta"), timezone.deactivate),
        (lambda: timezone.activate(dt.timezone(dt.timedelta(hours=7), "WIB")),),
    ],
)
def test_the_active_language_and_time_zone_are_those_that_django_names(steps: tuple[Callable[[], Any], ...]) -> None:
    with ThreadPoolExecutor(1) as pool:  # a thread in which nothing was activated before
        ours, djangos = pool.submit(_after, steps).result()
    assert ours == djangos
    with override_settings(LANGUAGE_CODE="fr", TIME_ZONE="Europe/Paris"), ThreadPoolExecutor(1) as pool:
        ours, djangos = pool.submit(_after, steps).result()
        assert ours == djangos


def test_neither_counts_where_the_project_does_without() -> None:
    with override_settings(USE_I18N=False, USE_TZ=False):
        assert active.active() == (None, None)


def test_the_variables_of_language_and_time_zone_are_found() -> None:
    active.active()
    usual = active._usual[0]
    assert usual.language_kept_in is not None
    assert usual.timezone_kept_in is not None


def _learning() -> Any:
    """A view as another process has it, which knows nothing yet of what its answers vary on."""

    @views.cache_api_response(key_prefix="learning", shared=True, wait=0.1)
    def learning(request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("X-Plan") == "gold":
            # The key of this request is made already. This one learns that answers vary.
            learning(_get("/learning", **{"x-plan": "silver"}))
        return HttpResponse(request.headers.get("X-Plan", "none"), headers={"Vary": "X-Plan"})

    return learning


def test_what_another_request_learned_meanwhile_is_not_in_the_key_of_this_one(site: Any) -> None:
    first, second = _learning(), _learning()
    assert first(_get("/learning", **{"x-plan": "gold"})).content == b"gold"
    assert second(_get("/learning")).content == b"none"


def _by_name(lines: Pairs) -> dict[str, tuple[str, str]]:
    return {line[0].lower(): line for line in lines}


def test_a_hit_is_an_answer_like_any_other() -> None:
    lines = (("Content-Type", "application/json"), ("X-Own", "a"))
    made, expected = StoredResponse(200, _by_name(lines), b"[]"), HttpResponse(b"[]", headers=dict(lines))
    expected.status_code = 200
    assert vars(made).keys() == vars(expected).keys()
    assert {name: vars(made)[name] for name in vars(made) if name != "headers"} == {
        name: vars(expected)[name] for name in vars(expected) if name != "headers"
    }
    for response in (made, expected):
        response.headers["x-own"] = "b"
        response.setdefault("X-Other", "c")
        del response["Content-Type"]
        response.set_cookie("d", "e")
        response.write(b"!")
    assert made.serialize() == expected.serialize()
    assert pickle.loads(pickle.dumps(made)).serialize() == made.serialize()


def test_a_hit_is_made_in_a_django_that_keeps_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitrate.django.responses.response._IS_KNOWN", False)
    made = StoredResponse(404, _by_name((("X-Own", "a"),)), b"gone")
    assert (made.status_code, made.content, dict(made.items())) == (404, b"gone", {"X-Own": "a"})
