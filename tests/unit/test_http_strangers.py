"""What in a request may tell who asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from hitrate.asgi.scopes import cookie_values, header, header_lines, narrowed_query, query_part
from hitrate.http.strangers import lines_digest, of_links, unexplained

NAMES = st.sampled_from([b"accept", b"x-api-key", b"x-tenant", b"user-agent", b"x", b"xy", b"sec-ch-ua", b"cookie"])
LINES = st.lists(st.tuples(NAMES, st.binary(max_size=4)), max_size=6)


def test_only_headers_of_unknown_meaning_count() -> None:
    known = [(b"accept", b"*/*"), (b"user-agent", b"x"), (b"x-request-id", b"7"), (b"sec-ch-ua", b"y"), (b"dnt", b"1")]
    assert unexplained(known) == ()
    assert unexplained([*known, (b"x-tenant", b"a")]) == ((b"x-tenant", b"a"),)


def test_what_links_are_built_from_counts_for_everybody() -> None:
    assert of_links([(b"x-forwarded-host", b"a"), (b"x-forwarded-for", b"b")]) == ((b"x-forwarded-host", b"a"),)


@given(LINES, LINES)
def test_different_lines_have_different_digests(
    one: list[tuple[bytes, bytes]], other: list[tuple[bytes, bytes]]
) -> None:
    def canonical(lines: list[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
        return {name: [value for own, value in lines if own == name] for name, _ in lines}

    is_same = lines_digest(tuple(one)) == lines_digest(tuple(other))
    assert is_same == (canonical(one) == canonical(other))


# Of these, many mean the same to one parser and something else to another.
QUERIES = st.text("a=&;%63D+\xe9", max_size=8).map(lambda text: text.encode("latin-1"))
PARSERS: list[dict[str, Any]] = [
    {"separator": separator, "keep_blank_values": keeps, "encoding": encoding}
    for separator in "&;"
    for keeps in (True, False)
    for encoding in ("utf-8", "latin-1")
]


@settings(max_examples=2000)
@given(QUERIES, QUERIES)
def test_queries_share_a_part_only_where_every_parser_sees_the_same(one: bytes, other: bytes) -> None:
    if query_part(one, None) != query_part(other, None):
        return
    for parser in PARSERS:
        seen = [parse_qsl(query.decode("latin-1"), **parser) for query in (one, other)]
        # The order of different parameters makes no difference.
        assert len({str(sorted(pairs, key=lambda pair: pair[0])) for pairs in seen}) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.text(max_size=5)), max_size=5))
def test_a_narrowed_query_holds_the_chosen_parameters_alone(pairs: list[tuple[str, str]]) -> None:
    query = urlencode(pairs, errors="surrogatepass").encode()
    shown = narrowed_query(query, ["a", "b"])
    assert parse_qsl(shown.decode(), keep_blank_values=True) == [
        pair for name in "ab" for pair in parse_qsl(query.decode(), keep_blank_values=True) if pair[0] == name
    ]
    assert query_part(query, ["a", "b"]) == query_part(shown, None)


def test_of_repeated_headers_and_cookies_none_is_lost() -> None:
    scope = {"headers": [(b"x", b"1"), (b"x", b"2"), (b"cookie", b"a=1; b=2"), (b"cookie", b"a=3")]}
    assert header(scope, b"x") == "1, 2"
    assert header(scope, b"y") is None
    assert header_lines(scope, b"x") == ["1", "2"]
    assert [cookie_values(scope, name) for name in "abc"] == [["1", "3"], ["2"], []]
