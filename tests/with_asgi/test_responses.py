"""The response cache of ASGI: what is stored, who gets it, and what clients are told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import hitrate
from hitrate.asgi import ResponseCacheMiddleware, path_key, response_stats
from hitrate.exceptions import ConfigError
from hitrate.responses import switch
from tests.with_asgi.asking import Page, ask, ask_many, until_stale

Kept = Callable[..., ResponseCacheMiddleware]


async def test_the_second_request_is_answered_without_the_application(kept: Kept) -> None:
    page = Page()
    app = kept(page)
    first, second = await ask(app, "/a"), await ask(app, "/a")
    assert (first.text, second.text, page.runs) == ("run 1", "run 1", 1)
    assert first.cache == "hitrate; fwd=miss; stored"
    assert second.cache.startswith("hitrate; hit; ttl=")
    assert second["age"] == "0"
    assert second["content-length"] == "5"
    assert second["content-type"] == "text/plain"
    assert second["etag"] == first["etag"]
    assert second["cache-control"] == first["cache-control"] == "no-cache"


async def test_the_bytes_that_are_served_are_those_of_the_application(kept: Kept) -> None:
    body = bytes(range(256)) * 100
    headers = [("content-type", "application/octet-stream"), ("x-two", "a"), ("x-two", "b"), ("x-odd", "\xe9\xff")]
    page = Page(headers=headers, chunks=[body[:5000], body[5000:]])
    app = kept(page)
    plain = await ask(page)
    for answer in (await ask(app), await ask(app)):
        assert answer.body == body
        assert [line for line in answer.lines if line[0].startswith("x-")] == plain.lines[1:4]
    assert page.runs == 2


@pytest.mark.parametrize("header", ["if-none-match", "if-modified-since"])
async def test_who_has_the_answer_gets_304(kept: Kept, header: str) -> None:
    modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    app = kept(Page(headers=[("last-modified", modified)]))
    first = await ask(app)
    value = first["etag"] or "" if header == "if-none-match" else modified
    again = await ask(app, headers={header: value})
    assert (again.status, again.body, again["content-length"]) == (304, b"", None)
    assert again["etag"] == first["etag"]
    # Also who is answered by the application, whose answer is stored then.
    app = kept(Page(headers=[("last-modified", modified)]), key_prefix="other")
    assert (await ask(app, headers={header: value})).status in {304, 200}
    assert (await ask(app)).cache.startswith("hitrate; hit")


async def test_head_is_answered_from_get(kept: Kept) -> None:
    page = Page()
    app = kept(page)
    before = await ask(app, method="HEAD")
    assert before.cache == "hitrate; fwd=bypass; detail=head"
    await ask(app)
    answer = await ask(app, method="HEAD")
    assert (answer.body, answer["content-length"], page.runs) == (b"", "5", 2)
    assert answer.cache.startswith("hitrate; hit")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_pass_untouched(kept: Kept, method: str) -> None:
    page = Page()
    app = kept(page)
    answers = [await ask(app, method=method) for _ in range(2)]
    assert page.runs == 2
    assert [answer["cache-status"] for answer in answers] == [None, None]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"status": 404}, "status"),
        ({"status": 500}, "status"),
        ({"headers": [("set-cookie", "a=b")]}, "set-cookie"),
        ({"headers": [("cache-control", "private")]}, "private"),
        ({"headers": [("cache-control", "max-age=60, no-store")]}, "no-store"),
        ({"headers": [("cache-control", "no-cache")]}, "no-cache"),
        ({"headers": [("cache-control", "max-age=0")]}, "expired"),
        ({"headers": [("vary", "*")]}, "vary"),
        ({"headers": [("vary", "Cookie")]}, "vary"),
        ({"headers": [("content-encoding", "gzip")]}, "encoding"),
        ({"headers": [("access-control-allow-origin", "https://a.test")]}, "cors"),
        ({"headers": [("content-range", "bytes 0-1/2")]}, "content-range"),
        ({"chunks": [b"x" * 2001]}, "too-large"),
        ({"chunks": [b"x" * 1001, b"x" * 1000]}, "too-large"),
        ({"chunks": [b"x", b"y"], "has_length": False}, "streaming"),
        ({"chunks": [b"x" * 2001], "has_length": False}, "too-large"),
    ],
)
async def test_what_is_not_to_be_stored_is_not(kept: Kept, options: dict[str, Any], reason: str) -> None:
    page = Page(**options)
    app = kept(page, max_body_bytes=2000, key_prefix=f"not-{reason}")
    answers = [await ask(app) for _ in range(2)]
    assert page.runs == 2
    assert [answer.cache for answer in answers] == [f"hitrate; fwd=miss; detail={reason}"] * 2
    plain = await ask(Page(**options))
    if page.chunks is not None:
        assert answers[0].body == plain.body
    assert response_stats()[f"not-{reason}"]["refusals"][reason] >= 2


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"content-length": "3"}, "request-body"),
        ({"x-http-method-override": "DELETE"}, "method-override"),
        ({"if-match": '"x"'}, "precondition"),
    ],
)
async def test_what_asks_for_more_than_the_page_goes_past(kept: Kept, headers: dict[str, str], reason: str) -> None:
    page = Page()
    app = kept(page)
    await ask(app)
    answer = await ask(app, headers=headers)
    assert page.runs == 2
    assert f"detail={reason}" in answer.cache


async def test_a_range_gets_the_whole_of_what_is_stored(kept: Kept) -> None:
    page = Page()
    app = kept(page)
    assert (await ask(app, headers={"range": "bytes=0-1"})).cache == "hitrate; fwd=bypass; detail=range"
    await ask(app)
    answer = await ask(app, headers={"range": "bytes=0-1"})
    assert (answer.status, answer.text, page.runs) == (200, "run 2", 2)


async def test_other_statuses_are_stored_where_they_are_listed(kept: Kept) -> None:
    page = Page(status=404)
    app = kept(page, statuses=(200, 404))
    answers = [await ask(app) for _ in range(2)]
    assert [(answer.status, answer.text) for answer in answers] == [(404, "run 1")] * 2


async def test_clients_ask_for_a_fresh_answer_only_where_they_may(kept: Kept) -> None:
    fresh = {"cache-control": "no-cache"}
    page = Page()
    app = kept(page)
    await ask(app)
    assert (await ask(app, headers=fresh)).text == "run 1"
    app = kept(page, clients="always")
    assert (await ask(app, headers=fresh)).text == "run 2"
    assert (await ask(app)).text == "run 2"
    only = await ask(app, "/new", headers={"cache-control": "only-if-cached"})
    assert (only.status, only.body, page.runs) == (504, b"", 2)


async def test_staff_is_who_the_scope_says(kept: Kept) -> None:
    class User:
        is_authenticated = True
        identity = "ada"
        is_staff = True

    page = Page()
    app = kept(page, clients="staff", vary_on="user")
    headers = {"cache-control": "no-cache"}
    await ask(app, user=User())
    assert (await ask(app, headers=headers, user=User())).text == "run 2"
    User.is_staff = False
    assert (await ask(app, headers=headers, user=User())).text == "run 2"


async def test_headers_named_by_vary_are_learned(kept: Kept) -> None:
    page = Page(headers=[("vary", "Accept-Language, X-Plan")], says=lambda scope: dict(scope["headers"])[b"x-plan"])
    app = kept(page)
    for _ in range(3):
        for plan in ("free", "paid"):
            answer = await ask(app, headers={"x-plan": plan})
            assert f"{plan.encode()}" in answer.text
    # The first answer teaches, the second of each plan is stored.
    assert page.runs == 3


async def test_parameters_that_do_not_matter_are_kept_from_the_application(kept: Kept) -> None:
    page = Page(says=lambda scope: scope["query_string"].decode())
    app = kept(page, params=["page", "q"])
    assert (await ask(app, "/?utm=1&q=a%20b&page=2&q=%C3%A9")).text == "run 1 page=2&q=a+b&q=%C3%A9"
    assert (await ask(app, "/?page=2&q=a+b&gclid=9&q=%c3%a9")).text == "run 1 page=2&q=a+b&q=%C3%A9"
    assert (await ask(app, "/?page=2")).text == "run 2 page=2"
    # Middlewares outside see what came.
    assert page.scopes[-1]["query_string"] == b"page=2"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/?a=1&b=2", "/?a=1;b=2"),
        ("/?a=%FF", "/?a=%FE"),
        ("/?a", "/?a="),
        ("/?a=1&a=2", "/?a=2&a=1"),
        ("/?a=1%26b=2", "/?a=1&b=2"),
        ("/?a=%zz", "/?a=%25zz"),
        ("/a%2Fb", "/a/b"),
        ("/a:b", "/a%3Ab"),
        ("/a/", "/a"),
    ],
)
async def test_requests_that_some_application_may_read_differently_have_keys_of_their_own(
    kept: Kept, one: str, other: str
) -> None:
    app = kept(Page())
    assert (await ask(app, one)).text == "run 1"
    assert (await ask(app, other)).text == "run 2"
    assert (await ask(app, one)).text == "run 1"


async def test_the_order_of_different_parameters_makes_no_difference(kept: Kept) -> None:
    app = kept(Page())
    assert (await ask(app, "/?a=1&b=2")).text == (await ask(app, "/?b=2&a=1")).text


@pytest.mark.parametrize(
    "other",
    [
        {"host": "other.test"},
        {"scheme": "https"},
        {"root_path": "/mounted"},
        {"headers": {"x-forwarded-host": "evil.test"}},
        {"headers": {"x-forwarded-prefix": "/evil"}},
    ],
)
async def test_what_links_are_built_from_tells_answers_apart(kept: Kept, other: dict[str, Any]) -> None:
    app = kept(Page())
    await ask(app)
    assert (await ask(app, **other)).text == "run 2"
    assert (await ask(app)).text == "run 1"


async def test_answers_are_forgotten_by_path_pattern_and_tag(kept: Kept, cache: hitrate.Cache) -> None:
    page = Page()
    app = kept(page, key_prefix="shop", tags=lambda scope: ["all", f"path:{scope['path']}"])
    paths = ("/products/5", "/products/6", "/carts/1")

    async def texts() -> list[str]:
        return [(await ask(app, path)).text for path in paths]

    assert await texts() == ["run 1", "run 2", "run 3"]
    await cache.ainvalidate(keys=["shop:/products/5"])
    assert await texts() == ["run 4", "run 2", "run 3"]
    await cache.ainvalidate("shop:/products/*")
    assert await texts() == ["run 5", "run 6", "run 3"]
    await cache.ainvalidate(tags=["path:/carts/1"])
    assert await texts() == ["run 5", "run 6", "run 7"]
    await cache.ainvalidate(tags=["all"])
    assert await texts() == ["run 8", "run 9", "run 10"]


async def test_more_headers_than_an_entry_may_have_are_not_stored(kept: Kept) -> None:
    for number, outcome in ((250, "hitrate; hit"), (256, "detail=too-many-headers"), (300, "detail=too-many-headers")):
        app = kept(Page(headers=[(f"x-{n}", "1") for n in range(number)]), key_prefix=f"of-{number}")
        await ask(app)
        answer = await ask(app)
        assert (answer.status, outcome in answer.cache) == (200, True), answer.cache


async def test_more_tags_than_an_entry_may_have_go_past(kept: Kept) -> None:
    app = kept(Page(), tags=lambda scope: [f"tag:{number}" for number in range(int(scope["query_string"]))])
    for number, outcome in ((64, "hit"), (65, "detail=too-many-tags")):
        # The header has the rules of HTTP judge, which know nothing of tags.
        for headers in ({}, {"cache-control": "max-age=60"}):
            await ask(app, f"/?{number}", headers=headers)
            assert outcome in (await ask(app, f"/?{number}", headers=headers)).cache


async def test_answers_of_every_path_are_forgotten_by_key_and_by_what_they_are_below(
    kept: Kept, cache: hitrate.Cache
) -> None:
    page = Page(says=lambda scope: scope["path"])
    app = kept(page)
    names = ["5", "red shoes", "كتاب-جيد-" * 5, "a" * 300, "b/" * 150, "b/" * 151, "*[x]?", "a:b", "%41", "x#y"]
    targets = ["/products/" + quote(name, safe="/") for name in names]

    async def hits() -> list[bool]:
        return [(await ask(app, target)).cache.startswith("hitrate; hit") for target in targets]

    for target, name in zip(targets, names, strict=True):
        assert (await ask(app, target)).text.endswith(f" /products/{name}")
    assert await hits() == [True] * len(names)
    for number, name in enumerate(names):
        await cache.ainvalidate(keys=[path_key(f"/products/{name}")])
        assert await hits() == [number != other for other in range(len(names))]
    for pattern in ("asgi:/products/*", "asgi:/*"):
        await cache.ainvalidate(pattern)
        assert await hits() == [False] * len(names)
    assert max(map(len, await cache.akeys())) < 400


async def test_one_of_many_requests_runs_the_application(kept: Kept) -> None:
    page = Page()
    app = kept(page)
    page.go.clear()
    asking = asyncio.create_task(ask_many(app, 50))
    await page.is_running.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    page.go.set()
    answers = await asking
    assert {answer.text for answer in answers} == {"run 1"}
    assert page.runs == 1


async def test_what_was_forgotten_while_it_was_computed_is_not_stored(kept: Kept, cache: hitrate.Cache) -> None:
    page = Page()
    app = kept(page, tags=["things"])
    page.go.clear()
    asking = asyncio.create_task(ask(app))
    await page.is_running.wait()
    await cache.ainvalidate(tags=["things"])
    page.go.set()
    assert "stored" not in (await asking).cache
    assert (await ask(app)).text == "run 2"


async def test_an_old_answer_is_served_while_one_request_computes(kept: Kept) -> None:
    page = Page()
    app = kept(page, ttl=0.02, stale=3600, jitter=0)
    await ask(app)
    await until_stale(app, 0.02)
    page.go.clear()
    page.is_running.clear()
    computing = asyncio.create_task(ask(app))
    await page.is_running.wait()
    meanwhile = await ask(app)
    assert meanwhile.text == "run 1"
    # In whole seconds, of which hardly one has passed.
    assert re.search(r"; hit; ttl=(0|-\d+)\b", meanwhile.cache)
    page.go.set()
    assert (await computing).cache.startswith("hitrate; fwd=stale")


@pytest.mark.parametrize("failure", ["raises", "500", "500 in pieces"])
async def test_an_old_answer_stands_in_when_the_application_fails(kept: Kept, failure: str) -> None:
    page = Page()
    app = kept(page, ttl=0.02, stale_on_error=3600, jitter=0)
    await ask(app)
    await until_stale(app, 0.02)
    if failure == "raises":
        page.error = ValueError("broken")
    else:
        page.status = 500
        page.chunks = [b"bad", b"news"] if failure.endswith("pieces") else None
    answer = await ask(app)
    assert (answer.status, answer.text) == (200, "run 1")
    assert "detail=view-failed" in answer.cache
    assert len(answer.messages) == 2


async def test_without_an_old_answer_failures_are_those_of_the_application(kept: Kept) -> None:
    page = Page(error=ValueError("broken"))
    app = kept(page, stale_on_error=60)
    with pytest.raises(ValueError, match="broken"):
        await ask(app)
    page.error, page.status, page.chunks, page.has_length = None, 503, [b"a", b"b"], False
    answer = await ask(app)
    assert (answer.status, answer.body) == (503, b"ab")
    page.status, page.chunks = 200, None
    assert (await ask(app)).cache == "hitrate; fwd=miss; stored"


async def test_only_the_paths_that_are_meant_are_concerned(kept: Kept) -> None:
    page = Page()
    app = kept(page, paths=["/products", "/menu/"], exempt=["/products/live"])
    concerned = ["/products", "/products/5", "/menu", "/menu/a"]
    others = ["/", "/products-old", "/products/live", "/products/live/x", "/menus"]
    # Some frameworks read these as one of them, and others do not.
    others += ["//products", "//products/live", "/products//live"]
    for path in concerned:
        assert (await ask(app, path)).cache, path
    for path in others:
        assert not (await ask(app, path)).cache, path


async def test_the_switch_stops_reading_and_filling(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    app = kept(page)
    await ask(app)
    monkeypatch.setenv("HITRATE_ENABLED", "0")
    switch.ask_again()
    try:
        answers = [await ask(app) for _ in range(2)]
        assert [answer.text for answer in answers] == ["run 2", "run 3"]
        assert not answers[0].cache
    finally:
        monkeypatch.undo()
        switch.ask_again()
    assert (await ask(app)).text == "run 1"
    is_on = False
    app = kept(page, enabled=lambda: is_on)
    assert (await ask(app)).text == "run 4"
    is_on = True
    assert (await ask(app)).text == "run 1"


async def test_hits_of_the_local_copy_ask_no_server(make_cache: Callable[..., hitrate.Cache], kept: Kept) -> None:
    near = make_cache(local=hitrate.Local(), serializer="json")
    app = kept(Page(), cache=near)
    for _ in range(3):
        await ask(app)
    before = near.stats()
    assert (await ask(app)).text == "run 1"
    after = near.stats()
    assert after["local"]["hits"] == before["local"]["hits"] + 1


async def test_the_cache_may_be_made_at_the_first_request(cache: hitrate.Cache) -> None:
    made: list[int] = []

    def make() -> hitrate.Cache:
        made.append(1)
        return cache

    app = ResponseCacheMiddleware(Page(), make, shared=True)
    assert made == []
    await ask(app)
    await ask(app)
    assert made == [1]


async def test_maximal_ages_are_said_where_they_are_declared(kept: Kept) -> None:
    shared = await ask(kept(Page(), max_age=5, s_maxage=60))
    assert shared["cache-control"] == "max-age=5, s-maxage=60"
    own = await ask(kept(Page(), vary_on="header:x-user", max_age=5, key_prefix="own"))
    assert own["cache-control"] == "private, max-age=5"


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": -1},
        {"params": "page"},
        {"vary_on": ["what:ever"]},
        {"vary_on": [""]},
        {"s_maxage": 5, "vary_on": "user"},
        {"paths": ["products"]},
        {"clients": "nobody"},
        {"statuses": [304]},
        {"jitter": 2},
    ],
)
def test_what_cannot_be_meant_is_refused(kept: Kept, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        kept(Page(), **options)
