"""Rate limits of ASGI applications."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.authentication import SimpleUser, UnauthenticatedUser

import hitrate
from hitrate import Limit
from hitrate.asgi import RateLimitMiddleware
from hitrate.exceptions import ConfigError, ServerError
from hitrate.http import Headers
from hitrate.testing import Server
from tests.with_asgi.asking import Page, ask

Limited = Callable[..., RateLimitMiddleware]


@pytest.fixture
def limited(cache: hitrate.Cache) -> Limited:
    """Make the middleware over a page."""

    def make(limits: Any = "2/minute", app: Any = None, **options: Any) -> RateLimitMiddleware:
        return RateLimitMiddleware(app or Page(), options.pop("cache", cache), limits, **options)

    return make


async def statuses(app: Any, number: int, *args: Any, **options: Any) -> list[int]:
    return [(await ask(app, *args, **options)).status for _ in range(number)]


async def test_who_asks_too_often_is_refused(limited: Limited) -> None:
    page = Page()
    app = limited(app=page)
    first = await ask(app)
    assert (first.status, first["ratelimit-policy"]) == (200, '"2/minute";q=2;w=60')
    assert (first["ratelimit"] or "").startswith('"2/minute";r=1;t=')
    assert (await ask(app)).status == 200
    refused = await ask(app)
    assert (refused.status, page.runs) == (429, 2)
    assert refused.text.startswith("Too many requests.")
    assert 0 < int(refused["retry-after"] or 0) <= 90
    assert refused["cache-control"] == "no-store"
    assert int(refused["content-length"] or 0) == len(refused.body)
    problem = await ask(app, headers={"accept": "application/problem+json"})
    assert json.loads(problem.text)["violated-policies"] == ["2/minute"]
    head = await ask(app, method="HEAD")
    assert (head.status, head.body) == (429, b"")


async def test_clients_are_told_apart_by_their_address(limited: Limited) -> None:
    app = limited()
    for number in (1, 2):
        assert await statuses(app, 3, client=(f"203.0.113.{number}", 1)) == [200, 200, 429]
    # One customer has 64 bits of IPv6, and somebody without an address is somebody.
    assert await statuses(app, 2, client=("2001:db8::1", 1)) == [200, 200]
    assert await statuses(app, 1, client=("2001:db8::2", 1)) == [429]
    assert await statuses(app, 3, client=None) == [200, 200, 429]


async def test_only_trusted_proxies_are_believed(limited: Limited) -> None:
    app = limited(trusted_proxies=["10.0.0.0/8"])
    for number in (1, 2):
        headers = {"x-forwarded-for": f"6.6.6.6, 203.0.113.{number}"}
        assert await statuses(app, 3, headers=headers, client=("10.1.2.3", 1)) == [200, 200, 429]
    # Whoever is no proxy chooses nothing.
    found = [
        (await ask(app, headers={"x-forwarded-for": f"1.1.1.{n}"}, client=("8.8.8.8", 1))).status for n in range(3)
    ]
    assert found == [200, 200, 429]
    app = limited(trusted_proxies="unix", name="unix")
    assert await statuses(app, 3, headers={"x-forwarded-for": "203.0.113.9"}, client=None) == [200, 200, 429]
    assert await statuses(app, 1, headers={"x-forwarded-for": "203.0.113.8"}, client=None) == [200]


async def test_users_are_counted_wherever_they_are(limited: Limited) -> None:
    app = limited(by="user")
    for name in ("ada", "bob"):
        addresses = [("203.0.113.1", 1), ("203.0.113.2", 1), ("203.0.113.3", 1)]
        found = [(await ask(app, user=SimpleUser(name), client=client)).status for client in addresses]
        assert found == [200, 200, 429]
    assert await statuses(app, 3, user=UnauthenticatedUser()) == [200, 200, 429]
    assert await statuses(app, 1) == [429]


async def test_a_key_is_counted_and_who_has_none_by_his_address(limited: Limited, cache: hitrate.Cache) -> None:
    app = limited(by="header:X-Api-Key")
    for key in ("secret-1", "secret-2"):
        assert await statuses(app, 3, headers={"x-api-key": key}) == [200, 200, 429]
    assert await statuses(app, 3) == [200, 200, 429]
    assert not [key for key in await cache.akeys() if "secret" in key]


async def test_a_header_that_is_sent_twice_evades_nothing(limited: Limited) -> None:
    app = limited(by="header:X-Api-Key")
    many = [[("x-api-key", "valid"), ("x-api-key", str(n))] for n in range(3)]
    many += [[("x-api-key", str(n)), ("x-api-key", "valid")] for n in range(3)]
    assert [(await ask(app, headers=headers)).status for headers in many] == [200, 200, 429, 429, 429, 429]
    # They were counted with those who send none, and the key itself has not been spent by a stranger.
    assert await statuses(app, 1) == [429]
    assert await statuses(app, 3, headers={"x-api-key": "valid"}) == [200, 200, 429]


async def test_one_request_of_a_stranger_counts_once_on_each_of_two_equal_limits(limited: Limited) -> None:
    app: Any = Page()
    for by in ("ip", "user", "header:X-Key"):
        app = limited(app=app, by=by)
    assert await statuses(app, 3) == [200, 200, 429]


async def test_functions_of_the_scope_say_who_is_meant(limited: Limited) -> None:
    async def tenant(scope: Any) -> str | None:
        await asyncio.sleep(0)
        return Headers(scope["headers"]).get("x-tenant")

    for by, name in ((tenant, "awaited"), (lambda scope: Headers(scope["headers"]).get("x-tenant"), "called")):
        app = limited(by=by, name=name)
        for value in ("a", "b"):
            assert await statuses(app, 3, headers={"x-tenant": value}) == [200, 200, 429]
        # The limit is not about requests without.
        answer = await ask(app)
        assert (answer.status, answer["ratelimit"]) == (200, None)


async def test_several_limits_are_one_round_trip_and_count_all_or_none(limited: Limited, cache: hitrate.Cache) -> None:
    limits = {"address": "3/minute", "tenant": Limit("100/hour")}
    app = limited(limits, by={"address": "ip", "tenant": lambda scope: "acme"})
    await ask(app)
    before = cache.stats()["round_trips"]
    answer = await ask(app)
    assert answer["ratelimit-policy"] == '"address";q=3;w=60, "tenant";q=100;w=3600'
    assert cache.stats()["round_trips"] == before + 1
    assert await statuses(app, 3) == [200, 429, 429]
    # What the first limit refused, the second did not count.
    assert '"tenant";r=96' in ((await ask(app, client=("203.0.113.99", 1)))["ratelimit"] or "")


async def test_paths_and_methods_that_are_exempt_are_not_counted(limited: Limited) -> None:
    app = limited("1/minute", exempt=["/health"], methods=["POST", "get"])
    assert await statuses(app, 2, "/health") == [200, 200]
    assert await statuses(app, 2, "/", "PUT") == [200, 200]
    assert await statuses(app, 2, "/") == [200, 429]
    assert await statuses(app, 1, "/healthy", "POST") == [429]
    app = limited("1/minute", paths=["/api"], name="api")
    assert await statuses(app, 2, "/other") == [200, 200]
    assert await statuses(app, 2, "/api/x") == [200, 429]


async def test_slashes_that_some_frameworks_leave_out_evade_no_limit(limited: Limited) -> None:
    app = limited("1/minute", paths=["/login"])
    paths = ["/login", "//login", "///login//", "/login//x", "/other//login"]
    assert [(await ask(app, path)).status for path in paths] == [200, 429, 429, 429, 200]
    app = limited("1/minute", exempt=["/health"], name="exempt")
    assert [(await ask(app, path)).status for path in ("//health", "/other", "//health", "/health")] == [
        200,
        429,
        429,
        200,
    ]


async def test_a_limit_on_get_counts_head_too(limited: Limited) -> None:
    app = limited(methods="GET")
    found = [(await ask(app, method=method)).status for method in ("GET", "HEAD", "HEAD", "GET", "POST")]
    assert found == [200, 200, 429, 429, 200]


async def test_what_a_client_sends_and_utf_8_cannot_hold_is_counted(limited: Limited) -> None:
    app = limited("1/minute", by=lambda scope: json.loads(Headers(scope["headers"]).get("who") or "{}").get("user"))
    found = [await statuses(app, 2, headers={"who": json.dumps({"user": name})}) for name in ("\ud800", "\udfff")]
    assert found == [[200, 429], [200, 429]]


async def test_shadow_mode_refuses_nobody_and_says_who_would_be(
    limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    app = limited("1/minute", shadow=True)
    with caplog.at_level(logging.INFO, "hitrate"):
        answers = [await ask(app) for _ in range(3)]
    assert [(answer.status, answer["ratelimit"]) for answer in answers] == [(200, None)] * 3
    assert caplog.messages == ["asgi would be refused, by 1/minute"] * 2


async def test_what_clients_are_told_can_be_chosen(limited: Limited) -> None:
    quiet = await ask(limited(headers=False, name="quiet"))
    assert quiet["ratelimit"] is None
    legacy = await ask(limited(legacy_headers=True, name="legacy"))
    assert (legacy["x-ratelimit-limit"], legacy["x-ratelimit-remaining"]) == ("2", "1")
    app = limited("1/minute", layout="quelyos_api", name="layout")
    await ask(app)
    refused = await ask(app)
    assert json.loads(refused.text)["error_code"] == "RATE_LIMIT_EXCEEDED"


async def test_the_lists_of_several_middlewares_go_on(limited: Limited) -> None:
    inner = limited("5/minute", name="inner")
    answer = await ask(limited("9/minute", app=inner, name="outer"))
    assert [line for line in answer.lines if line[0] == "ratelimit-policy"] == [
        ("ratelimit-policy", '"5/minute";q=5;w=60, "9/minute";q=9;w=60')
    ]


async def test_of_many_at_once_none_too_many_gets_through(limited: Limited) -> None:
    app = limited("10/hour")
    answers = await asyncio.gather(*[ask(app) for _ in range(60)])
    assert sorted(answer.status for answer in answers) == [200] * 10 + [429] * 50


@pytest.mark.parametrize(
    ("on_error", "expected"), [("memory", [200, 200, 429]), ("allow", [200] * 3), ("deny", [429] * 3)]
)
async def test_limits_without_a_server_are_what_was_chosen(
    limited: Limited, own_server: Server, on_error: str, expected: list[int]
) -> None:
    cache = hitrate.Cache(own_server.url, prefix="away")
    own_server.kill()
    app = limited(cache=cache, on_error=on_error)
    assert await statuses(app, 3) == expected
    await cache.aclose()


async def test_limits_that_shall_raise_do(limited: Limited, own_server: Server) -> None:
    cache = hitrate.Cache(own_server.url, prefix="away")
    own_server.kill()
    with pytest.raises(ServerError):
        await ask(limited(cache=cache, on_error="raise"))
    await cache.aclose()


@pytest.mark.parametrize(
    "options",
    [
        {"limits": "often"},
        {"by": "nobody"},
        {"by": {"other": "ip"}},
        {"trusted_proxies": ["here"]},
        {"forwarded_header": "x-real-ip"},
        {"methods": "G ET"},
        {"exempt": ["health"]},
        {"algorithm": "guess"},
        {"by": "header:X-Ключ"},
        {"cost": 0},
        {"cost": 3},
        {"layout": "guess"},
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(limited: Limited, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        limited(**options)
