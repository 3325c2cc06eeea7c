"""What is kept of an answer, and what a client gets of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitrate.http import (
    Answer,
    Audience,
    CacheControl,
    Headers,
    Policy,
    Representation,
    Request,
    Response,
    Stored,
    Vary,
    answer,
    cache_status,
    emitted_cache_control,
    forward_of,
    kept_headers,
    may_serve,
    may_store,
)

NOW = 784111777.0
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sunday, 06-Nov-94 08:49:38 GMT"
EARLIER = "Sun Nov  6 08:49:36 1994"
STORED = Stored(
    200,
    (
        ("Content-Type", "text/html"),
        ("ETag", '"abc"'),
        ("Last-Modified", DATE),
        ("Cache-Control", "private, max-age=60"),
        ("Vary", "Accept"),
        ("Content-Location", "/x"),
        ("Expires", DATE),
        ("X-Frame-Options", "DENY"),
    ),
    5,
    NOW - 12.9,
)


def answered(stored: Stored = STORED, *, method: str = "GET", **headers: str) -> Answer:
    fields = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return answer(Request(method, fields), stored, now=NOW, cache_status="hitrate; hit")


def test_a_hit_says_its_age_and_length() -> None:
    found = answered()
    assert (found.status, found.has_body) == (200, True)
    assert found.headers == (*STORED.headers, ("Age", "12"), ("Cache-Status", "hitrate; hit"), ("Content-Length", "5"))
    assert dict(answer(Request("GET", Headers()), STORED, now=NOW - 100).headers)["Age"] == "0"


def test_head_is_get_without_its_body() -> None:
    found = answered(method="HEAD")
    assert found.headers == answered().headers
    assert not found.has_body


def test_a_range_is_answered_in_full() -> None:
    assert answered(range="bytes=0-1", if_range='"abc"') == answered()


def test_no_content_has_no_length() -> None:
    found = answered(Stored(204, (), 0, NOW))
    assert found.headers == (("Age", "0"), ("Cache-Status", "hitrate; hit"))
    assert not found.has_body


# RFC 9110, section 13.2.2: If-Modified-Since counts only without If-None-Match.
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (304, {"if_none_match": '"abc"'}),
        (304, {"if_none_match": 'W/"abc"'}),
        (304, {"if_none_match": '"x,y", "abc"'}),
        (304, {"if_none_match": "*"}),
        (304, {"if_none_match": '"abc"', "if_modified_since": EARLIER}),
        (304, {"if_modified_since": DATE}),
        (304, {"if_modified_since": LATER}),
        (200, {"if_none_match": '"ABC"'}),
        (200, {"if_none_match": '"x"', "if_modified_since": LATER}),
        (200, {"if_none_match": "garbage", "if_modified_since": LATER}),
        (200, {"if_none_match": "", "if_modified_since": LATER}),
        (200, {"if_none_match": '"abc"' + "," * 100_000}),
        (200, {"if_modified_since": EARLIER}),
        (200, {"if_modified_since": "yesterday"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_has_it_is_told_so(status: int, headers: dict[str, str], method: str) -> None:
    assert answered(method=method, **headers).status == status


def test_not_modified_brings_what_a_full_answer_would() -> None:
    found = answered(if_none_match="*")
    assert not found.has_body
    assert [name for name, _ in found.headers] == [
        "ETag",
        "Last-Modified",
        "Cache-Control",
        "Vary",
        "Content-Location",
        "Expires",
        "Age",
        "Cache-Status",
    ]


def test_without_a_validator_there_is_nothing_to_compare() -> None:
    bare = Stored(200, (("Content-Type", "text/html"),), 5, NOW)
    assert answered(bare, if_none_match="*").status == 200
    assert answered(bare, if_modified_since=LATER).status == 200


def test_only_success_is_confirmed() -> None:
    assert answered(Stored(404, (("ETag", '"abc"'),), 5, NOW), if_none_match='"abc"').status == 404


def test_headers_of_the_way_are_not_kept() -> None:
    kept = (("Content-Type", "text/html"), ("ETag", '"a"'), ("Link", "</1>"), ("Link", "</2>"), ("Expires", DATE))
    dropped = [
        ("Connection", 'close, X-Hop, "x-odd'),
        ("connection", "x-other"),
        ("x-hop", "1"),
        ("X-Other", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("Set-Cookie", "a=b"),
        ("Date", DATE),
        ("AGE", "5"),
        ("Content-Length", "5"),
        ("Accept-Ranges", "bytes"),
        ("Cache-Status", "inner; hit"),
        ("X-Request-ID", "7"),
        ("X-RateLimit-Remaining", "3"),
    ]
    assert kept_headers([*kept[:2], *dropped, *kept[2:]]) == kept


@pytest.mark.parametrize(
    ("said", "audience", "options", "emitted"),
    [
        ("", "shared", {}, "no-cache"),
        ("", "identified", {}, "private, no-cache"),
        ("", "unknown", {}, "private, no-cache"),
        ("", "shared", {"max_age": 60, "s_maxage": 300}, "max-age=60, s-maxage=300"),
        ("", "identified", {"max_age": 60, "s_maxage": 300}, "private, max-age=60"),
        ("", "identified", {"s_maxage": 300}, "private, no-cache"),
        ("public, max-age=30, s-maxage=9", "identified", {"max_age": 60}, "private, max-age=30"),
        ("public, max-age=90", "shared", {"max_age": 60}, "public, max-age=60"),
        ("max-age=30, immutable", "shared", {}, "max-age=30, immutable"),
        ("must-revalidate", "identified", {}, "must-revalidate, private"),
        ("", "shared", {"max_age": 0}, "max-age=0"),
        ("", "shared", {"max_age": -5}, "max-age=0"),
        (
            "",
            "shared",
            {"max_age": 600, "stale_while_revalidate": 30, "stale_if_error": 1200},
            "max-age=600, stale-while-revalidate=30, stale-if-error=1200",
        ),
    ],
)
def test_cache_control_for_clients(said: str, audience: Audience, options: dict[str, Any], emitted: str) -> None:
    assert str(emitted_cache_control(CacheControl.parse(said), audience=audience, **options)) == emitted


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ttl": 376.9}, "hitrate; hit; ttl=376"),
        ({"ttl": -0.5}, "hitrate; hit; ttl=-1"),
        ({"ttl": float("inf")}, "hitrate; hit; ttl=999999999999999"),
        ({"ttl": float("nan")}, "hitrate; hit"),
        ({"stored": True, "collapsed": True}, "hitrate; hit"),
        ({"forward": "miss", "stored": True}, "hitrate; fwd=miss; stored"),
        ({"forward": "stale", "stored": True, "collapsed": True}, "hitrate; fwd=stale; stored; collapsed"),
        ({"forward": "uri-miss", "detail": "set-cookie"}, "hitrate; fwd=uri-miss; detail=set-cookie"),
        ({"forward": "bypass", "detail": 'a "b"\\'}, r'hitrate; fwd=bypass; detail="a \"b\"\\"'),
        ({"key": "nalar:1:é\r\nX: 100%"}, 'hitrate; hit; key="nalar:1:%C3%A9%0D%0AX: 100%25"'),
    ],
)
def test_cache_status(options: dict[str, Any], text: str) -> None:
    assert cache_status(**options) == text


@given(st.text(), st.text())
def test_cache_status_is_one_member_whatever_it_is_given(key: str, detail: str) -> None:
    # RFC 9651, sections 3.3.3 and 3.3.4.
    string, token = r'"(?:[ !#-\[\]-~]|\\["\\])*"', r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*"
    text = cache_status("miss", key=key, detail=detail)
    assert re.fullmatch(f"hitrate; fwd=miss; key={string}; detail=(?:{string}|{token})", text)


PIECES = [
    '"',
    "\\",
    ",",
    ";",
    "=",
    "W/",
    "*",
    "a",
    "\x00",
    "\xff",
    "\ud800",
    "\r\n",
    " ",
    "9" * 30,
    "no-cache",
    "max-age=",
    "q=0.",
]
NAMES = (
    "accept accept-encoding accept-language access-control-allow-origin age authorization cache-control connection "
    "content-encoding content-length cookie date etag expires if-modified-since if-none-match last-modified pragma "
    "range set-cookie vary x-http-method-override"
).split()
FIELDS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), max_size=6).map("".join)), max_size=5
)


@settings(max_examples=500)
@given(FIELDS, FIELDS, st.sampled_from(["GET", "HEAD", "X"]), st.sampled_from(["unknown", "identified", "shared"]))
def test_no_request_and_no_answer_raises(
    asked: list[tuple[str, str]], said: list[tuple[str, str]], method: str, audience: Audience
) -> None:
    policy = Policy(ttl=60, audience=audience, clients="always")
    request, headers = Request(method, Headers(asked)), Headers(said)
    may_serve(request, policy).accepts(age=1, ttl=1)
    may_store(request, Response(200, headers, 3), policy, now=NOW)
    assert len(Representation().text(request.headers, Vary.parse(headers.get("vary")))) <= 200
    emitted = emitted_cache_control(CacheControl.parse(headers.get("cache-control")), audience=audience, max_age=3)
    assert audience == "shared" or "private" in emitted
    found = answer(request, Stored(200, kept_headers(said), 3, NOW), now=NOW)
    assert "set-cookie" not in {name for name, _ in found.headers}


@pytest.mark.parametrize(
    ("reason", "forward"),
    [("method", "method"), ("method-override", "method"), ("request", "request"), ("precondition", "bypass")],
)
def test_reasons_have_a_word_of_the_rfc(reason: str, forward: str) -> None:
    assert forward_of(reason) == forward
