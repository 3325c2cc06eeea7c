"""`rate_limit` on views of every kind: who is counted, who is refused, and what both are told."""

from __future__ import annotations

import functools
import gc
import json
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from django.test.utils import override_settings
from django.urls import path
from django.utils.asyncio import async_unsafe
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views import View
from django.views.decorators.csrf import csrf_exempt

import hitrate
from hitrate.django import rate_limit
from hitrate.django.aliases import client_behind
from hitrate.django.limiting.gate import gates
from hitrate.exceptions import ConfigError
from hitrate.testing import Server

OURS = "hitrate.django.RedisCache"

pytestmark = pytest.mark.usefixtures("counted")


@pytest.fixture(params=["server", "memory"])
def counted(request: pytest.FixtureRequest, use_caches: Callable[..., None]) -> None:
    """Django's default cache, which counts: on a server, or in this process."""
    if request.param == "server":
        url, prefix = request.getfixturevalue("server").url, request.getfixturevalue("prefix")
    else:
        url, prefix = "memory://", uuid.uuid5(uuid.NAMESPACE_URL, request.node.nodeid).hex
    use_caches({"BACKEND": OURS, "LOCATION": url, "KEY_PREFIX": prefix})


def ask(view: Any, method: str = "get", peer: str = "192.0.2.1", user: Any = None, **headers: str) -> HttpResponse:
    """The answer of a view, sync or async, to a request from an address."""
    is_async = iscoroutinefunction(view)
    factory = AsyncRequestFactory() if is_async else RequestFactory()
    request = getattr(factory, method)("/", headers=headers)
    request.META["REMOTE_ADDR"] = peer
    request.user = AnonymousUser() if user is None else user

    async def auser() -> Any:
        return request.user

    request.auser = auser
    answer = async_to_sync(view)(request) if is_async else view(request)
    assert isinstance(answer, HttpResponse)
    return answer


def statuses(view: Any, count: int, **options: Any) -> list[int]:
    return [ask(view, **options).status_code for _ in range(count)]


def plain(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


async def aplain(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def test_who_asks_too_often_is_refused_and_told_when_to_come_back() -> None:
    view = rate_limit("2/minute", algorithm="fixed_window")(plain)
    first, second, third = ask(view), ask(view), ask(view)
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert first["RateLimit-Policy"] == third["RateLimit-Policy"] == '"2/minute";q=2;w=60'
    assert first["RateLimit"] == '"2/minute";r=1;t=60'
    assert 1 <= int(third["Retry-After"]) <= 60
    assert third["RateLimit"] == f'"2/minute";r=0;t={third["Retry-After"]}'
    assert "X-RateLimit-Limit" not in first
    assert ask(view, peer="192.0.2.2").status_code == 200


def test_problem_json_goes_to_whoever_asks_for_it() -> None:
    view = rate_limit("1/minute")(plain)
    ask(view)
    answer = ask(view, accept="application/problem+json")
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert json.loads(answer.content)["violated-policies"] == ["1/minute"]
    assert ask(view)["Content-Type"] == "text/plain; charset=utf-8"


def test_headers_and_bodies_are_chosen() -> None:
    silent = rate_limit("1/minute", headers=False, name="silent")(plain)
    assert "RateLimit" not in ask(silent)
    refusal = ask(silent)
    assert (refusal.status_code, "RateLimit-Policy" in refusal, "Retry-After" in refusal) == (429, False, True)
    old = rate_limit("1/minute", legacy_headers=True, layout="quelyos_api", name="old")(plain)
    assert (ask(old)["X-RateLimit-Remaining"], ask(old)["X-RateLimit-Limit"]) == ("0", "1")
    assert json.loads(ask(old).content)["error_code"] == "RATE_LIMIT_EXCEEDED"


class Plain(View):
    def get(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse("fine")


class AsyncPlain(View):
    async def get(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse("fine")


def kinds() -> dict[str, Any]:
    limited = rate_limit("2/minute")

    class Method(View):
        @rate_limit("2/minute")
        def get(self, _request: HttpRequest) -> HttpResponse:
            return HttpResponse("fine")

    class AsyncMethod(View):
        @rate_limit("2/minute")
        async def get(self, _request: HttpRequest) -> HttpResponse:
            return HttpResponse("fine")

    def made(view: Any, base: type[View]) -> Any:
        return view(type("Made", (base,), {})).as_view()

    by_dispatch = method_decorator(limited, name="dispatch")
    by_get = method_decorator(limited, name="get")
    return {
        "function": limited(plain),
        "async function": limited(aplain),
        "method": Method.as_view(),
        "async method": AsyncMethod.as_view(),
        "class": made(limited, Plain),
        "async class": made(limited, AsyncPlain),
        "dispatch": made(by_dispatch, Plain),
        "async dispatch": made(by_dispatch, AsyncPlain),
        "decorated method": made(by_get, Plain),
        "decorated async method": made(by_get, AsyncPlain),
        "view": limited(Plain.as_view()),
        "async view": limited(AsyncPlain.as_view()),
    }


KINDS = kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_views_of_every_kind_are_limited(kind: str) -> None:
    view = KINDS[kind]
    found = [ask(view) for _ in range(3)]
    assert [answer.status_code for answer in found] == [200, 200, 429]
    assert "RateLimit" in found[0]
    assert found[0].content == b"fine"


def test_views_that_inherit_dispatch_do_not_share_their_limits() -> None:
    by_dispatch = method_decorator(rate_limit("1/minute"), name="dispatch")
    one, other = (by_dispatch(type(name, (Plain,), {})).as_view() for name in ("One", "Other"))
    assert statuses(one, 2) == [200, 429]
    assert statuses(other, 2) == [200, 429]


def test_views_made_by_as_view_do_not_share_their_limits() -> None:
    limited = rate_limit("1/minute")
    one, other = (limited(type(name, (Plain,), {}).as_view()) for name in ("OneMade", "OtherMade"))
    assert statuses(one, 2) == [200, 429]
    assert statuses(other, 2) == [200, 429]


def test_a_long_name_is_no_long_key() -> None:
    view = rate_limit("1/minute", name="x" * 1000, by=lambda request: request.headers["who"])(plain)
    assert [ask(view, who=who).status_code for who in ("a" * 5000, "a" * 5000, "a" * 4999 + "b")] == [200, 429, 200]


def test_whatever_can_be_called_is_a_view() -> None:
    class Feed:
        def __call__(self, _request: HttpRequest) -> HttpResponse:
            return HttpResponse("fine")

    class OtherFeed(Feed):
        pass

    limited = rate_limit("1/minute")
    for view in (Feed(), OtherFeed(), functools.partial(plain), functools.partial(aplain)):
        assert statuses(limited(view), 2) == [200, 429], view
    assert iscoroutinefunction(limited(functools.partial(aplain)))
    # Not even below other decorators do they share what they counted.
    for view in (Feed(), functools.partial(plain), functools.partial(Feed().__call__)):
        assert statuses(rate_limit("2/minute")(rate_limit("3/minute")(csrf_exempt(view))), 3) == [200, 200, 429], view


def test_views_with_one_name_share_their_limits() -> None:
    limited = rate_limit("2/minute", name="shared")
    one, other = limited(plain), limited(Plain.as_view())
    assert statuses(one, 1) + statuses(other, 2) == [200, 200, 429]


def test_methods_of_rest_framework_are_limited() -> None:
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Listing(APIView):
        authentication_classes = ()
        permission_classes = ()

        @rate_limit("1/minute", by="user")
        def get(self, request: Any) -> Response:
            return Response({"fine": True})

    view = Listing.as_view()
    first, second = ask(view), ask(view, accept="application/json")
    assert (first.status_code, "RateLimit" in first) == (200, True)
    assert (second.status_code, second["Content-Type"]) == (429, "application/json")


def test_users_are_told_apart_and_strangers_by_address(user: Any) -> None:
    view = rate_limit("1/minute", by="user")(plain)
    other = User(pk=user.pk + 1, username="other")
    assert statuses(view, 2, user=user) == [200, 429]
    assert statuses(view, 1, user=user, peer="192.0.2.77") == [429]
    assert statuses(view, 2, user=other) == [200, 429]
    assert statuses(view, 2) == [200, 429]
    assert statuses(view, 1, peer="192.0.2.77") == [200]
    # Nobody is counted as the stranger whose address looks like his number.
    assert statuses(rate_limit("1/minute", by="user", name="async")(aplain), 2, user=user) == [200, 429]


def test_a_key_in_a_header_is_counted_and_stands_in_no_key_of_the_server() -> None:
    view = rate_limit("1/minute", by="header:X-Api-Key")(plain)
    assert [ask(view, x_api_key=key).status_code for key in ("hunter2", "hunter2", "other")] == [200, 429, 200]
    # Who leaves it out is not free of the limit.
    assert statuses(view, 2) == [200, 429]
    keys = client_behind("default").execute("KEYS", "*header:*")
    assert keys
    assert not [key for key in keys if b"hunter2" in key]


def test_a_function_says_whom_a_limit_is_about_or_that_it_is_not_about_this_request() -> None:
    def tenant(request: HttpRequest) -> str | None:
        return request.headers.get("tenant")

    for view in (rate_limit("1/minute", by=tenant)(plain), rate_limit("1/minute", by=tenant)(aplain)):
        assert [ask(view, tenant="a").status_code, ask(view, tenant="a").status_code] == [200, 429]
        assert statuses(view, 3) == [200, 200, 200]
        assert "RateLimit" not in ask(view)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("user", ["read"]),
        (lambda request: request.headers.get("who"), []),
        (lambda request: request.user.pk, ["read"]),
        ({"function": lambda request: request.headers.get("who"), "user": "user"}, ["read"]),
    ],
    ids=["user", "function", "function of the user", "both"],
)
def test_an_async_view_loads_the_user_only_for_a_limit_that_asks_for_him_and_never_in_the_loop(
    by: Any, expected: list[str]
) -> None:
    loaded: list[str] = []

    @async_unsafe
    def read() -> User:
        loaded.append("read")
        return User(pk=7, username="ada")

    async def auser() -> User:
        loaded.append("awaited")
        return User(pk=7, username="ada")

    request: Any = AsyncRequestFactory().get("/", headers={"who": "ada"})
    request.user, request.auser = SimpleLazyObject(read), auser
    limits: Any = dict.fromkeys(by, "1/minute") if isinstance(by, dict) else "1/minute"
    assert async_to_sync(rate_limit(limits, by=by)(aplain))(request).status_code == 200
    assert loaded == expected


def test_several_limits_are_judged_in_one_step_and_counted_all_or_none() -> None:
    def tenant(request: HttpRequest) -> str | None:
        return request.headers.get("tenant")

    limits = {"address": "3/minute", "tenant": "1/minute"}
    view = rate_limit(limits, by={"address": "ip", "tenant": tenant})(plain)
    assert ask(view, tenant="a").status_code == 200
    refusals = [ask(view, tenant="a", accept="application/problem+json") for _ in range(5)]
    assert {json.loads(answer.content)["violated-policies"][0] for answer in refusals} == {"tenant"}
    # The refused ones did not use up the address.
    assert statuses(view, 3) == [200, 200, 429]
    assert ask(view, tenant="b", peer="192.0.2.9")["RateLimit"].startswith('"address";r=2;t=')


def test_decorators_above_each_other_all_count_and_all_tell() -> None:
    view = rate_limit("2/minute", name="x")(rate_limit("9/hour", name="y")(plain))
    answer = ask(view)
    assert answer["RateLimit-Policy"] == '"9/hour";q=9;w=3600, "2/minute";q=2;w=60'
    assert statuses(view, 2) == [200, 429]


def test_one_request_of_a_stranger_counts_once_on_each_of_two_equal_limits() -> None:
    view = rate_limit("4/minute")(rate_limit("4/minute", by="user")(rate_limit("4/minute", by="header:X-Key")(plain)))
    assert statuses(view, 5) == [200, 200, 200, 200, 429]


def test_other_methods_and_costs_are_as_declared() -> None:
    posts = rate_limit("1/minute", methods="post")(plain)
    assert statuses(posts, 3) == [200] * 3
    assert statuses(posts, 2, method="post") == [200, 429]
    assert statuses(rate_limit("5/minute", cost=2, name="dear")(plain), 3) == [200, 200, 429]
    apost = rate_limit("1/minute", methods=["POST", "PUT"], name="async")(aplain)
    assert statuses(apost, 3) + statuses(apost, 2, method="put") == [200, 200, 200, 200, 429]


@pytest.mark.parametrize("view", [plain, aplain], ids=["sync", "async"])
def test_a_limit_on_get_counts_head_too_which_runs_the_same_view(view: Any) -> None:
    limited = rate_limit("2/minute", methods="get")(view)
    assert statuses(limited, 1) + statuses(limited, 3, method="head") == [200, 200, 429, 429]
    assert statuses(limited, 1, method="post") == [200]
    heads = rate_limit("1/minute", methods="HEAD", name="heads")(view)
    assert statuses(heads, 2) + statuses(heads, 2, method="head") == [200, 200, 200, 429]


def test_what_a_client_sends_and_utf_8_cannot_hold_is_counted() -> None:
    def account(request: HttpRequest) -> str:
        return str(json.loads(request.headers["who"])["user"])

    view = rate_limit("1/minute", by=account)(plain)
    found = [ask(view, who=json.dumps({"user": name})).status_code for name in ("\ud800", "\ud800", "\ud801", "a")]
    assert found == [200, 429, 200, 200]


def test_in_shadow_mode_everybody_is_counted_and_nobody_refused(caplog: pytest.LogCaptureFixture) -> None:
    from django.core.cache import caches

    caplog.set_level(logging.INFO, logger="hitrate")
    view = rate_limit({"shadowed": "1/minute"}, shadow=True)(plain)
    answers = [ask(view) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert not [answer for answer in answers if "RateLimit" in answer or "Retry-After" in answer]
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"{__name__}.plain would be refused, by shadowed"] * 3
    found: Any = caches["default"]
    counts = found.stats()["limits"]["shadowed"]
    assert (counts["allowed"], counts["refused"]) == (1, 3)


@override_settings(HITRATE_TRUSTED_PROXIES=["10.0.0.0/8"])
def test_clients_behind_trusted_proxies_are_told_apart_and_cannot_lie() -> None:
    view = rate_limit("1/minute")(plain)
    for client in ("198.51.100.1", "198.51.100.2"):
        lies = [f"{lie}, {client}" for lie in ("6.6.6.6", "7.7.7.7")]
        found = [ask(view, peer="10.0.0.1", x_forwarded_for=lie).status_code for lie in lies]
        assert found == [200, 429]
    # One customer has 64 bits of IPv6.
    hosts = ("2001:db8::1", "2001:db8::2")
    assert [ask(view, peer="10.0.0.1", x_forwarded_for=host).status_code for host in hosts] == [200, 429]


def test_headers_are_not_believed_where_no_proxy_is_trusted() -> None:
    view = rate_limit("1/minute")(plain)
    assert [ask(view, x_forwarded_for=lie).status_code for lie in ("6.6.6.6", "7.7.7.7")] == [200, 429]
    assert ask(view, peer="").status_code == 200


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_window", "sliding_log", "gcra"])
def test_16_threads_never_get_one_more_than_allowed(algorithm: Any) -> None:
    view = rate_limit("50/hour", algorithm=algorithm)(plain)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: ask(view).status_code, range(400)))
    # Of "gcra" the burst, and none of what the pace lets through in seconds: one in 72 of them.
    assert found.count(200) in ({50, 51} if algorithm == "gcra" else {50})
    assert set(found) == {200, 429}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (["100/fortnight"], {}, "fortnight"),
        (["1/m"], {"by": "cookie"}, "'by' is 'cookie'; use 'ip'"),
        (["1/m"], {"by": "header:"}, "'by' is 'header:'"),
        ([{"a": "1/m"}], {"by": {"b": "ip"}}, r"'by' names \['b'\], and the limits are \['a'\]"),
        (["1/m"], {"methods": ()}, "'methods' is"),
        (["1/m"], {"methods": [1]}, "'methods' is"),
        (["1/m"], {"algorithm": "leaky"}, "unknown algorithm 'leaky'"),
        (["1/m"], {"by": aplain}, "coroutine function 'aplain'"),
        (["1/m"], {"by": "header:X Api Key"}, "'by' is 'header:X Api Key'"),
        (["1/m"], {"cost": 0}, "'cost' must be an int from 1"),
        (["5/m, 1/s"], {"cost": 2}, "a 'cost' of 2 is more than limit '1/second' ever allows, which is 1"),
        (["1/m"], {"layout": "nlar"}, "unknown layout 'nlar'; use 'nalar'"),
        (["1/m"], {"on_error": "raise"}, "'on_error' of a view cannot be 'raise'"),
    ],
)
def test_what_cannot_be_meant_is_said_where_it_is_written(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rate_limit(*arguments, **options)


@pytest.mark.parametrize("view", [plain, aplain], ids=["sync", "async"])
def test_a_function_that_returns_something_to_await_limits_nobody_in_silence(view: Any) -> None:
    async def tenant(request: HttpRequest) -> str:
        return str(request.headers["tenant"])

    def plainly(request: HttpRequest) -> object:
        return tenant(request)

    limited = rate_limit("1/minute", by=plainly)(view)
    with pytest.raises(ConfigError, match="'by' returned a coroutine"):
        ask(limited, tenant="a")


def test_a_limit_that_is_gone_is_not_kept_for_the_checks() -> None:
    before = len(gates)
    for _ in range(10):
        ask(rate_limit("9/minute")(plain))
    gc.collect()
    assert len(gates) <= before


def test_what_is_no_view_is_refused() -> None:
    with pytest.raises(ConfigError, match="which is no view"):
        rate_limit("1/m")(type("NoView", (), {}))
    with pytest.raises(ConfigError, match="found no request"):
        rate_limit("1/m")(plain)("no request")


def test_another_backend_is_named(use_caches: Callable[..., None]) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    with pytest.raises(ImproperlyConfigured, match="CACHES\\['default'\\] is LocMemCache; use BACKEND"):
        ask(rate_limit("1/m")(plain))


@pytest.mark.parametrize("view", [plain, aplain], ids=["sync", "async"])
@pytest.mark.parametrize("way", ["killed", "hung"])
def test_no_view_fails_because_the_server_is_away(
    view: Any, way: str, own_server: Server, use_caches: Callable[..., None]
) -> None:
    options = {"TIMEOUT": 0.2}
    use_caches({"BACKEND": OURS, "LOCATION": own_server.url, "KEY_PREFIX": "away", "OPTIONS": options})
    limited = rate_limit("3/minute")(view)
    assert statuses(limited, 1) == [200]
    if way == "killed":
        own_server.kill()
    else:
        own_server.stop()
    try:
        # This process counts for itself, from the beginning.
        assert statuses(limited, 5) == [200, 200, 200, 429, 429]
    finally:
        own_server.cont() if way == "hung" else own_server.restart()


@pytest.mark.parametrize("view", [plain, aplain], ids=["sync", "async"])
def test_who_cannot_be_known_without_his_session_is_counted_by_his_address(
    view: Any, own_server: Server, use_caches: Callable[..., None]
) -> None:
    class Site:
        urlpatterns = (path("", rate_limit("2/minute", by="user")(view)),)

    engine = "django.contrib.sessions.backends.cache"
    options = {"BACKEND": OURS, "LOCATION": own_server.url, "KEY_PREFIX": "away", "OPTIONS": {"TIMEOUT": 0.2}}
    use_caches(options, SESSION_ENGINE=engine, ROOT_URLCONF=Site)
    own_server.kill()
    client: Any = AsyncClient() if view is aplain else Client()
    client.cookies["sessionid"] = "x" * 32
    get = async_to_sync(client.get) if view is aplain else client.get
    assert [get("/").status_code for _ in range(3)] == [200, 200, 429]


def test_a_limit_is_a_limit_of_hitrate() -> None:
    view = rate_limit(hitrate.Limit("10/minute", burst=2, name="bursts"))(plain)
    assert ask(view)["RateLimit-Policy"] == '"bursts";q=2;w=60'
