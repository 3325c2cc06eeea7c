"""The rules against Django's own: read the same where Django reads, refuse wherever it refuses."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.cache import CacheMiddleware
from django.test import RequestFactory
from django.utils.cache import get_conditional_response, get_max_age, has_vary_header, patch_cache_control
from django.utils.http import http_date, parse_etags, parse_http_date_safe
from hypothesis import example, given
from hypothesis import strategies as st

from hitrate.http import (
    CacheControl,
    EnvironHeaders,
    Headers,
    Policy,
    Request,
    Response,
    Vary,
    canonical_query,
    emitted_cache_control,
    format_date,
    is_not_modified,
    may_store,
    parse_date,
    parse_tags,
)

NOW = 1_780_000_000.0
DATES = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
FORMATS = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
TAGS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='",'), max_size=5)
PIECES = [
    "private",
    "no-cache",
    "NO-STORE",
    "public",
    "max-age=0",
    "max-age=5",
    "ext",
    "=",
    '"',
    ",",
    " ",
    "\\",
    "\t",
    "\xa0",
]
RESPONSES = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(st.integers(min_value=0, max_value=253402300799))
def test_dates_are_written_alike(seconds: int) -> None:
    assert format_date(seconds) == http_date(seconds)


@given(st.integers(min_value=0, max_value=2**32), st.sampled_from(FORMATS))
def test_dates_are_read_alike(seconds: int, form: str) -> None:
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime(form)
    assert parse_date(text, now=time.time()) == parse_http_date_safe(text) is not None


@given(st.sampled_from(DATES), st.integers(min_value=0, max_value=34), st.characters(max_codepoint=0x7E))
def test_what_is_read_as_a_date_is_one_to_django(text: str, at: int, character: str) -> None:
    changed = text[:at] + character + text[at + 1 :]
    found = parse_date(changed, now=time.time())
    # Spaces around it are not part of a field's value.
    assert found is None or found == parse_http_date_safe(changed.strip())


@given(st.lists(st.tuples(st.sampled_from(["", "W/"]), TAGS), max_size=5))
def test_tags_are_read_alike(parts: list[tuple[str, str]]) -> None:
    text = ", ".join(f'{weak}"{opaque}"' for weak, opaque in parts)
    assert list(parse_tags(text)) == parse_etags(text)


@given(RESPONSES)
@example('ext="a, no-store, b"')
@example('private="Set-Cookie"')
@example('max-age="0"')
def test_what_django_does_not_store_is_not_stored(text: str) -> None:
    response = HttpResponse()
    response.headers["Cache-Control"] = text
    # Django 6.1's split_directive_names(); 5.2 overlooks forms with arguments.
    names = {part.split("=", 1)[0].strip().lower() for part in text.split(",")}
    refused = names & {"private", "no-cache", "no-store"} or get_max_age(response) == 0
    request = Request("GET", Headers())
    answered = Response(200, Headers(response.items()), 0)
    decision = may_store(request, answered, Policy(ttl=300, audience="shared"), now=NOW)
    assert not (refused and decision.stored)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (404, {}),
        (200, {"Vary": "*"}),
        (200, {"Vary": "Accept, *"}),
        (200, {"Vary": "Accept"}),
        (200, {"Cache-Control": "private"}),
        (200, {"Cache-Control": 'private="x"'}),
        (200, {"Cache-Control": "no-cache, max-age=9"}),
        (200, {"Cache-Control": "max-age=0"}),
        (200, {"Cache-Control": "max-age=9"}),
        (200, {"Set-Cookie": "a=b"}),
        (200, {"Set-Cookie": "a=b", "Vary": "Cookie"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_what_the_middleware_does_not_store_is_not_stored(
    method: str, status: int, headers: dict[str, str], use_caches: Any
) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test_http"})
    cache.clear()
    answers: list[HttpResponse] = []

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(b"body", status=status, headers={k: v for k, v in headers.items() if k != "Set-Cookie"})
        if "Set-Cookie" in headers:
            response.set_cookie("a", "b")
        facts = Response(status, Headers(response.items()), 4, sets_cookies=bool(response.cookies))
        asked = Request(method, EnvironHeaders(request.META))
        response.is_stored = may_store(asked, facts, Policy(ttl=300, audience="shared"), now=NOW).stored
        answers.append(response)
        return response

    for _ in range(2):
        CacheMiddleware(view)(getattr(RequestFactory(), method.lower())("/"))
    by_django = len(answers) == 1
    assert by_django or not answers[0].is_stored


@given(
    st.none() | st.sampled_from(['"a"', 'W/"a"', '"b"', '"b", W/"a"', "*"]),
    st.none() | st.sampled_from(DATES) | st.sampled_from([100, 784111776, 784111778]).map(http_date),
    st.none() | st.sampled_from(['"a"', 'W/"a"']),
    st.none() | st.just(784111777),
)
def test_conditions_are_judged_alike(
    known: str | None, since: str | None, tag: str | None, modified: int | None
) -> None:
    request = HttpRequest()
    request.method = "GET"
    given_headers = {"HTTP_IF_NONE_MATCH": known, "HTTP_IF_MODIFIED_SINCE": since}
    request.META |= {name: value for name, value in given_headers.items() if value is not None}
    headers = {"ETag": tag, "Last-Modified": None if modified is None else http_date(modified)}
    response = Headers((name, value) for name, value in headers.items() if value is not None)
    theirs = get_conditional_response(request, etag=tag, last_modified=modified)
    # RFC 9110, section 13.1.2: where there is no tag, "*" still names whatever there is; neither of us has it so.
    assert is_not_modified(EnvironHeaders(request.META), response, now=NOW) is (theirs is not None)


@given(st.text("ab=&;%+23 \x00é", max_size=14), st.text("ab=&;%+23 \x00é", max_size=14))
@example("a=%ff", "a=%fe")
@example("a=1;b=2", "a=1&b=2")
def test_queries_share_a_key_exactly_if_django_parses_them_to_the_same(one: str, other: str) -> None:
    left, right = QueryDict(one), QueryDict(other)

    def key(query: QueryDict) -> str:
        return canonical_query((name, value) for name, values in query.lists() for value in values)

    assert (key(left) == key(right)) is (dict(left.lists()) == dict(right.lists()))


@given(
    st.lists(st.sampled_from(["Accept", "cookie", "COOKIE", "*", ""]), max_size=4),
    st.sampled_from(["Cookie", "*", "Origin"]),
)
def test_vary_is_read_alike(names: list[str], name: str) -> None:
    response = HttpResponse(headers={"Vary": ", ".join(names)})
    vary = Vary.parse(response.headers["Vary"])
    assert (name.lower() in vary) is (has_vary_header(response, name) or has_vary_header(response, "*"))


@pytest.mark.parametrize("said", ["", "max-age=30", "max-age=90", "public, max-age=600", "must-revalidate"])
def test_the_lesser_max_age_is_emitted(said: str) -> None:
    response = HttpResponse(headers={"Cache-Control": said} if said else {})
    patch_cache_control(response, max_age=60)
    ours = emitted_cache_control(CacheControl.parse(said), audience="shared", max_age=60)
    assert set(ours.directives) == set(CacheControl.parse(response.headers["Cache-Control"]).directives)
