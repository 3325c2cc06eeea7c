"""Two requests share a key only if the view sees the same: nothing that a client sends forges another's part."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hitrate.exceptions import ConfigError
from hitrate.http import Headers, Representation, Vary, bounded, canonical_query, escaped, selected
from hitrate.http.representation import normalised

Pairs = list[tuple[str, str]]

# Few names and values made of what joins parts, so that clashes are likely.
PARTS = st.text(st.sampled_from("ab=&,:#%*?[]\\;. +é\x00\ud800A"), max_size=6) | st.text(max_size=300)
PAIRS = st.lists(st.tuples(PARTS, PARTS), max_size=6)
NEAR = st.lists(
    st.tuples(st.sampled_from(["a", "b", "A", "a=b", ""]), st.sampled_from(["", "1", "&b=", "%26"])), max_size=4
)
HARMLESS = re.compile(r"[A-Za-z0-9._~%=&,#-]*")


def parsed(pairs: Pairs) -> dict[str, list[str]]:
    """What a view sees of a query."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@given(PAIRS | NEAR, PAIRS | NEAR)
@example([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")])
@example([("a", "1"), ("a", "2")], [("a", "2"), ("a", "1")])
@example([("a", "1&b=2")], [("a", "1"), ("b", "2")])
@example([], [("", "")])
def test_queries_share_a_key_exactly_if_they_are_parsed_to_the_same(one: Pairs, other: Pairs) -> None:
    assert (canonical_query(one) == canonical_query(other)) is (parsed(one) == parsed(other))


@given(PAIRS, st.permutations(range(6)))
def test_the_order_of_different_parameters_makes_no_difference(pairs: Pairs, order: list[int]) -> None:
    names = list(parsed(pairs))
    shuffled = [names[at] for at in order if at < len(names)]
    assert canonical_query([(n, v) for n in shuffled for v in parsed(pairs)[n]]) == canonical_query(pairs)


@given(PAIRS)
def test_a_part_is_bounded_and_means_nothing_to_scan(pairs: Pairs) -> None:
    text = canonical_query(pairs)
    assert len(text) <= 200
    assert HARMLESS.fullmatch(text)
    assert ":" not in text


# Raw queries that caches have mistaken for each other, because they parse in another way than the application.
CLOAKED = [
    ("a=1;b=2", "a=1&b=2"),
    ("a=1&amp;b=2", "a=1&b=2"),
    ("a=1%26b=2", "a=1&b=2"),
    ("a=1%2526b", "a=1%26b"),
    ("a=1&a=2", "a=2&a=1"),
    ("a=1&a=2", "a=1,2"),
    ("a=1&a=2", "a=2"),
    ("a[]=1", "a=1"),
    ("A=1", "a=1"),
    ("a=1", "a=1%00"),
    ("a=1", "a=1%20"),
    ("a=%2B", "a=+"),
    ("a%3D=1", "a==1"),
    ("utm_content=1;callback=alert", "utm_content=1&callback=alert"),
    ("a=1#b", "a=1"),
    ("a=%C3%A9", "a=e%CC%81"),
]


@pytest.mark.parametrize(("one", "other"), CLOAKED)
def test_cloaked_parameters_are_seen(one: str, other: str) -> None:
    left, right = (parse_qsl(raw, keep_blank_values=True) for raw in (one, other))
    assert parsed(left) != parsed(right)
    assert canonical_query(left) != canonical_query(right)


@given(st.text("ab=&;%+2 \x00é", max_size=12), st.text("ab=&;%+2 \x00é", max_size=12))
def test_raw_queries_share_a_key_exactly_if_they_are_parsed_to_the_same(one: str, other: str) -> None:
    left, right = (parse_qsl(raw, keep_blank_values=True) for raw in (one, other))
    assert (canonical_query(left) == canonical_query(right)) is (parsed(left) == parsed(right))


def test_only_listed_parameters_matter() -> None:
    pairs = [("page", "2"), ("utm", "x"), ("Page", "9"), ("category", "3"), ("page", "1")]
    assert canonical_query(pairs, ["page", "category"]) == "category=3&page=2&page=1"
    assert selected(pairs, {"page", "category"}) == [("category", "3"), ("page", "2"), ("page", "1")]
    assert canonical_query(pairs, []) == ""
    with pytest.raises(ConfigError, match="'page'"):
        canonical_query(pairs, "page")


def test_a_long_query_is_hashed_and_none_looks_like_a_hash() -> None:
    long = canonical_query([("q", "x" * 500)])
    assert re.fullmatch(r"#[0-9a-f]{40}", long)
    assert canonical_query([("q", "x" * 501)]) != long
    assert not canonical_query([(long, "")]).startswith("#")
    assert bounded("x" * 200) == "x" * 200


@given(PARTS, PARTS)
def test_escaping_keeps_texts_apart(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) is (one == other)


OPTIONAL = st.none() | st.sampled_from(["", "a", "a&language=b", "A", "#"]) | PARTS
REPRESENTATIONS = st.builds(Representation, *[OPTIONAL] * 7)
NAMES = ["accept", "accept-language", "cookie", "x-tenant"]
LINES = st.sampled_from(["", "a", "b", "a,b", "a, b", "a;q=0", "de;x", "DE", "de"]) | PARTS
REQUESTS = st.dictionaries(st.sampled_from(NAMES), st.lists(LINES, min_size=1, max_size=3))


def seen(lines: dict[str, list[str]], vary: Vary) -> list[tuple[str, list[str] | None]]:
    """What a view sees of a request, as far as the answer varies on it."""
    found = {name: [normalised(name, line) for line in of] for name, of in lines.items()}
    return [(name, found.get(name)) for name in sorted(vary.names)]


@given(REPRESENTATIONS, REPRESENTATIONS, REQUESTS, REQUESTS, st.sets(st.sampled_from(NAMES)), st.booleans())
def test_representations_share_a_key_exactly_if_they_are_the_same(
    one: Representation,
    other: Representation,
    left: dict[str, list[str]],
    right: dict[str, list[str]],
    names: set[str],
    is_same: bool,
) -> None:
    if is_same:
        other = one
    vary = Vary.of(sorted(names))
    texts = [
        which.text(Headers((name, line) for name, of in lines.items() for line in of), vary)
        for which, lines in ((one, left), (other, right))
    ]
    assert all(len(text) <= 200 and HARMLESS.fullmatch(text) for text in texts)
    assert (texts[0] == texts[1]) is (one == other and seen(left, vary) == seen(right, vary))


@pytest.mark.parametrize("name", ["x-tenant", "accept-language"])
def test_no_line_looks_like_two(name: str) -> None:
    requests = [[], [""], ["a", "b"], ["a,b"], ["a, b", ""], ["a,b,"], ["a1:b"], ["ab"], ["b", "a"], ["", "a,b"]]
    texts = {Representation().text(Headers((name, line) for line in lines), Vary.of([name])) for lines in requests}
    assert len(texts) == len(requests)


def test_different_lists_of_headers_differ() -> None:
    headers = Headers([("cookie", "a")])
    texts = {
        Representation().text(headers, Vary.of(names)) for names in ([], ["cookie"], ["accept"], ["accept", "cookie"])
    }
    assert len(texts) == 4


def test_a_representation_can_be_read() -> None:
    chosen = Representation(media_type="application/json", language="de", host="shop.example:8000")
    headers = Headers([("Accept-Language", "de, EN;q=0.5"), ("Cookie", "sessionid=secret")])
    text = chosen.text(headers, Vary.parse("Cookie, Origin, Accept-Language"))
    assert re.fullmatch(
        r"type=application%2Fjson&language=de&host=shop\.example%3A8000&vary\.accept-language=de%2Cen%3Bq%3D0\.5"
        r"&vary\.cookie=#[0-9a-f]{40}&vary\.origin",
        text,
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("accept-encoding", "gzip, deflate,  BR", "gzip,deflate,br"),
        ("accept-encoding", "gzip ;q=0.5,*;q=0", "gzip;q=0.5,*;q=0"),
        ("accept-language", "de-AT, en ; q=0.8", "de-at,en;q=0.8"),
        ("accept", "Text/HTML, */*; q=0.1", "Text/HTML,*/*;q=0.1"),
    ],
)
def test_well_formed_choices_lose_their_spaces(name: str, value: str, expected: str) -> None:
    assert normalised(name, value) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accept", 'application/json; version="A, B"'),
        ("accept", "application/json; version=V1"),
        ("accept-language", "de,, en"),
        ("accept-language", "de, en;q=7"),
        ("accept-language", "de_AT, en"),
        ("accept-language", "de" + " " * 500 + ", en"),
        ("accept-encoding", "gzip, "),
        ("accept-encoding", ""),
        ("cookie", "A=b; c=D"),
        ("x-tenant", "A , b"),
    ],
)
def test_what_parsers_may_read_differently_stays_as_it_is(name: str, value: str) -> None:
    assert normalised(name, value) == value


@given(st.text("deEN-,;q=01.* \t", max_size=40), st.text("deEN-,;q=01.* \t", max_size=40))
def test_normalising_twice_changes_nothing(one: str, other: str) -> None:
    assume(one != other)
    for name in ("accept", "accept-encoding", "accept-language"):
        assert normalised(name, normalised(name, one)) == normalised(name, one)
