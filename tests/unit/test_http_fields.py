"""Headers are read as the RFCs have it, within bounds, and nothing that a client sends raises."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrate.http import (
    CacheControl,
    EnvironHeaders,
    Headers,
    Vary,
    content_etag,
    format_date,
    matches,
    parse_date,
    parse_tags,
)

NOW = 1_780_000_000.0  # 2026-05-28
TOKENS = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=20)
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
GARBAGE = st.text(st.sampled_from('abcw/W"\\,;=* \t\r\n\x00\xa0é-0189') | st.characters(), max_size=200)

CACHE_CONTROL = [
    ("max-age=600", [("max-age", "600")]),
    ("no-cache, no-store", [("no-cache", None), ("no-store", None)]),
    ("Max-Age = 60 ,, PRIVATE", [("max-age", "60"), ("private", None)]),
    ('private, community="UCI"', [("private", None), ("community", "UCI")]),
    ('no-cache="set-cookie, x-a", max-age=1', [("no-cache", "set-cookie, x-a"), ("max-age", "1")]),
    (r'a="x\"y, no-store", b', [("a", 'x"y, no-store'), ("b", None)]),
    ('a="open, no-store', [("a", '"open'), ("no-store", None)]),
    ("max-age=1, max-age=2", [("max-age", "1"), ("max-age", "2")]),
    ("=5, two words, ok=", [("ok", "")]),
    ("no-store\r\n\tprivate", []),
    ("", []),
    (None, []),
]


@pytest.mark.parametrize(("text", "directives"), CACHE_CONTROL)
def test_cache_control_is_read(text: str | None, directives: list[tuple[str, str | None]]) -> None:
    assert list(CacheControl.parse(text).directives) == directives


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("max-age=60", 60),
        ('max-age="60"', 60),
        ("max-age=60, max-age=5", 5),
        ("max-age=007", 7),
        ("max-age=99999999999", 2**31),
        ("max-age=" + "9" * 5000, 2**31),
        ("max-age=" + "0" * 5000 + "1", 1),
        ("max-age=-1", 0),
        ("max-age=1.5", 0),
        ("max-age=٣", 0),
        ("max-age", 0),
        ("s-maxage=60", None),
    ],
)
def test_an_unclear_time_is_short(text: str, seconds: int | None) -> None:
    assert CacheControl.parse(text).seconds("max-age") == seconds


def test_a_directive_takes_the_place_of_all_of_its_name() -> None:
    control = CacheControl.parse("max-age=1, public, max-age=2")
    assert str(control.adding("max-age", 3)) == "public, max-age=3"
    assert str(control.without({"public"})) == "max-age=1, max-age=2"
    assert "public" in control
    assert "private" not in control


@given(st.lists(st.tuples(TOKENS, st.none() | PRINTABLE), max_size=10))
def test_what_is_written_is_read_again(directives: list[tuple[str, str | None]]) -> None:
    control = CacheControl(tuple(directives))
    assert CacheControl.parse(str(control)) == control


@given(GARBAGE)
def test_garbage_is_read_once_and_for_all(text: str) -> None:
    control = CacheControl.parse(text)
    assert CacheControl.parse(str(control)) == control
    assert "\n" not in str(control)
    vary = Vary.parse(text)
    assert Vary.parse(str(vary)) == vary
    tags = parse_tags(text)
    assert parse_tags(", ".join(tags)) == tags
    parse_date(text, now=NOW)
    matches(text, '"a"')
    matches('"a"', text)


HUGE = {
    "quotes": '"' * 100_000,
    "escaped quotes": '\\"' * 50_000,
    "commas": "," * 100_000,
    "open lists": '",' * 50_000,
    "weak tags": 'W/"' * 33_000,
    "spaces": " " * 100_000,
    "directives": "max-age=1," * 10_000,
    "tags": '"a",' * 25_000,
    "dates": "Sun, 06 Nov 1994 " * 6_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_a_header_of_100_kb_is_not_read_to_its_end(name: str) -> None:
    text = HUGE[name]
    assert CacheControl.parse(text).is_cut
    assert Vary.parse(text).is_any
    assert parse_tags(text) == ()
    assert parse_date(text, now=NOW) is None


VARY = [
    (None, (), False),
    ("", (), False),
    ("Accept-Language, cookie,, COOKIE ", ("accept-language", "cookie"), False),
    ("*", (), True),
    ("Accept, *", (), True),
    ("two words", (), True),
    (", ".join(f"x-{n}" for n in range(33)), (), True),
]


@pytest.mark.parametrize(("text", "names", "is_any"), VARY)
def test_vary_is_read(text: str | None, names: tuple[str, ...], is_any: bool) -> None:
    vary = Vary.parse(text)
    assert (vary.names, vary.is_any) == (names, is_any)


def test_vary_is_merged_and_written() -> None:
    vary = Vary.parse("accept, Cookie").merged(Vary.of(["COOKIE", "Origin"]))
    assert str(vary) == "Accept, Cookie, Origin"
    assert str(vary.without({"cookie"})) == "Accept, Origin"
    assert str(vary.merged(Vary.parse("*"))) == "*"
    assert "anything" in Vary.parse("*")
    assert Vary.parse("*").without({"cookie"}).is_any


# RFC 9110, section 5.6.7.
@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_three_forms_of_one_date(text: str) -> None:
    assert parse_date(text, now=NOW) == 784111777
    assert format_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(("short", "year"), [("76", 2076), ("77", 1977), ("26", 2026), ("00", 2000)])
def test_a_short_year_is_at_most_50_years_ahead(short: str, year: int) -> None:
    expected = parse_date(f"Sun, 06 Nov {year} 08:49:37 GMT", now=NOW)
    assert parse_date(f"Sunday, 06-Nov-{short} 08:49:37 GMT", now=NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "-1",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Xxx 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 0٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_what_is_no_date(text: str | None) -> None:
    assert parse_date(text, now=NOW) is None


@given(st.integers(min_value=0, max_value=253402300799))
def test_a_written_date_is_read_again(seconds: int) -> None:
    assert parse_date(format_date(seconds), now=NOW) == seconds


TAGS = [
    ('"xyzzy"', ('"xyzzy"',)),
    ('W/"xyzzy"', ('W/"xyzzy"',)),
    ('""', ('""',)),
    ('"xyzzy", "r2d2xxxx", "c3piozzzz"', ('"xyzzy"', '"r2d2xxxx"', '"c3piozzzz"')),
    ('W/"a" ,,"b"', ('W/"a"', '"b"')),
    ('"a,b", "c"', ('"a,b"', '"c"')),
    ("*", ("*",)),
    (' *\t"', ()),
    ('w/"a", "b"', ('"b"',)),
    ('bare, "a"x, "b"', ('"b"',)),
    ('"open', ()),
]


@pytest.mark.parametrize(("text", "tags"), TAGS)
def test_lists_of_tags_are_read(text: str, tags: tuple[str, ...]) -> None:
    assert parse_tags(text) == tags


# RFC 9110, section 8.8.3.2: the column "weak comparison".
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [('W/"1"', 'W/"1"', True), ('W/"1"', 'W/"2"', False), ('W/"1"', '"1"', True), ('"1"', '"1"', True)],
)
def test_tags_are_compared_weakly(one: str, other: str, same: bool) -> None:
    assert matches(one, other) is same
    assert matches(other, one) is same


def test_a_star_matches_any_tag_but_no_garbage() -> None:
    assert matches("*", '"a"')
    assert not matches("*", "a")


def test_a_tag_follows_content_and_form() -> None:
    seen = {
        content_etag(b"a"),
        content_etag(b"b"),
        content_etag(b""),
        content_etag(b"a", content_type="text/plain"),
        content_etag(b"a", content_encoding="text/plain"),
        content_etag(b"a", content_type="text/plain", content_encoding="gzip"),
        content_etag(b"aa", content_type="text/plai"),
    }
    assert len(seen) == 7
    assert content_etag(b"a", content_type="text/plain") == content_etag(b"a", content_type="text/plain")
    assert all(parse_tags(tag) == (tag,) for tag in seen)


def test_a_tag_is_the_same_in_another_process() -> None:
    code = "from hitrate.http import content_etag; print(content_etag(b'body', content_type='text/html'), end='')"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == content_etag(b"body", content_type="text/html")


def test_headers_are_found_by_name_and_kept_apart_by_line() -> None:
    headers = Headers([(b"X-Tenant", b"a"), ("x-tenant", "b"), (b"Via", b"\xff")])
    assert headers.lines("x-tenant") == ("a", "b")
    assert headers.get("x-tenant") == "a, b"
    assert headers.get("via") == "\xff"
    assert headers.get("accept") is None
    assert headers.lines("accept") == ()
    assert "via" in headers
    assert "accept" not in headers


def test_headers_of_an_environ() -> None:
    environ = {"HTTP_X_TENANT": "a", "CONTENT_LENGTH": 5, "CONTENT_TYPE": "", "HTTP_CONTENT_TYPE": "forged", "X": "y"}
    headers = EnvironHeaders(environ)
    assert headers.get("x-tenant") == "a"
    assert headers.get("content-length") == "5"
    assert not headers.get("content-type")
    assert headers.get("x") is None
