"""What is to be forgotten: what it affects, and what is looked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import hitrate
from hitrate._native import glob_matches
from hitrate.invalidation import Forgetting

TEXTS = st.text(alphabet="ab:*?[]^-\\9é", max_size=12)


@given(TEXTS, TEXTS)
def test_an_escaped_text_matches_itself_alone(text: str, other: str) -> None:
    assert glob_matches(hitrate.escape_glob(text), text)
    assert glob_matches(hitrate.escape_glob(text), other) == (text == other)
    assert glob_matches(f"user:{hitrate.escape_glob(text)}:*", f"user:{text}:x")


@given(st.sets(TEXTS, max_size=4), st.sets(TEXTS, max_size=4), TEXTS)
def test_the_walks_cover_what_the_patterns_affect_and_nothing_else(
    patterns: set[str], spelled: set[str], key: str
) -> None:
    what = Forgetting.of(patterns=patterns, keys=spelled)
    for candidate in (key, f"{key}:h1", *spelled, *(f"{one}{end}" for one in spelled for end in (":h1", ":x:h1"))):
        is_found = candidate in what.exact() or any(glob_matches(glob, candidate) for glob in what.globs())
        assert is_found == what.affects(candidate)


def test_a_pattern_without_anything_to_match_is_a_key() -> None:
    assert Forgetting.of(patterns=["products:top", r"a\*b", "a*"]) == Forgetting(
        keys={"products:top", "a*b"}, patterns={"a*"}
    )


def test_what_another_pattern_covers_is_not_looked_for() -> None:
    what = Forgetting.of(
        patterns=["products:*", "products:list:*", "products:?*", "x:*:y"], keys=["products:top", "cart"]
    )
    assert what.globs() == ["cart:*:h1", "products:*", "x:*:y", "x:*:y:*:h1", "x:*:y:h1"]
    assert Forgetting.of(patterns=["a*", "a**"]).globs() == ["a*"]
    assert Forgetting.of(patterns=["a[*", "a[b"]).globs() == sorted(["a[*", "a[b", "a[b:*:h1", "a[b:h1"])
