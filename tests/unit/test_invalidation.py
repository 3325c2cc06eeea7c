"""What is to be forgotten: what it affects, which walks it takes, and that both forms of an entry go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hitrate
from hitrate._native import glob_matches
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting

TEXTS = st.text(alphabet="ab:*?[]^-\\9é", max_size=12)


@pytest.fixture
def memory() -> hitrate.Cache:
    """An embedded cache with two products, in the original's form and in ours."""
    cache = hitrate.Cache("memory://", serializer="json")
    for key in ("products:list", "products:list:8f0e", "product:9", "product:91"):
        cache.set(key, key)
        cache.set(f"{key}:u=1:h1", key)
    return cache


def keys(cache: hitrate.Cache) -> set[str]:
    """The keys that are left, without our own records."""
    return {key for key in cache.keys() if not key.startswith("hitrate:")}  # noqa: SIM118 (it is no mapping)


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
    for candidate in (key, f"{key}:h1", *spelled, *(f"{one}:x:h1" for one in spelled)):
        is_found = candidate in what.keys or any(glob_matches(glob, candidate) for glob in what.globs())
        assert is_found == what.affects(candidate)


def test_a_pattern_without_anything_to_match_is_a_key() -> None:
    assert Forgetting.of(patterns=["products:top", r"a\*b", "a*"]) == Forgetting(
        keys={"products:top", "a*b"}, patterns={"a*"}
    )


def test_what_another_pattern_covers_is_not_looked_for() -> None:
    what = Forgetting.of(
        patterns=["products:*", "products:list:*", "products:?*", "x:*:y"], keys=["products:top", "cart"]
    )
    assert what.globs() == ["cart:*:h1", "products:*", "x:*:y", "x:*:y:*:h1"]
    assert Forgetting.of(patterns=["a*", "a**"]).globs() == ["a*"]
    assert Forgetting.of(patterns=["a[*", "a[b"]).globs() == sorted(["a[*", "a[b", "a[b:*:h1"])


def test_a_key_is_forgotten_in_both_forms(memory: hitrate.Cache) -> None:
    # What is below "products:list:8f0e" is below "products:list", too.
    assert memory.invalidate(keys=["products:list", "product:9"]) == 5
    assert keys(memory) == {"products:list:8f0e", "product:91", "product:91:u=1:h1"}


def test_user_9_does_not_forget_what_is_of_user_91(memory: hitrate.Cache) -> None:
    memory.invalidate("product:9:*", keys=["product:9"])
    assert {"product:91", "product:91:u=1:h1"} <= keys(memory)
    memory.invalidate(f"product:{hitrate.escape_glob('9*')}*")
    assert {"product:91", "product:91:u=1:h1"} <= keys(memory)


def test_a_pattern_takes_both_forms(memory: hitrate.Cache) -> None:
    assert memory.invalidate("product:?") == 2
    assert memory.invalidate(["products:*", "nothing:*"]) == 4
    assert keys(memory) == {"product:91", "product:91:u=1:h1"}


def test_several_things_are_forgotten_in_one_go(memory: hitrate.Cache) -> None:
    assert memory.invalidate("products:*", keys=["product:9"], tags=["product", "shop"]) == 8


async def test_the_async_twin_does_the_same(memory: hitrate.Cache) -> None:
    assert await memory.ainvalidate("products:*", keys=["product:9"], tags=["product"]) == 7
    assert keys(memory) == {"product:91", "product:91:u=1:h1"}


def test_nothing_to_forget_asks_nothing(memory: hitrate.Cache) -> None:
    assert memory.invalidate() == 0


@pytest.mark.parametrize("given", [{"keys": "product:9"}, {"tags": "product"}])
def test_a_text_in_place_of_several_is_refused(memory: hitrate.Cache, given: Any) -> None:
    with pytest.raises(ConfigError, match="give a list"):
        memory.invalidate(**given)


def test_a_server_that_is_away_gets_it_written_down(start_server: Any) -> None:
    server = start_server()
    cache = hitrate.Cache(server.url, timeout=0.2)
    cache.set("product:9", "old")
    server.kill()
    assert cache.invalidate(keys=["product:9"], tags=["product"]) is None
    assert cache.stats()["breaker"]["journal"] >= 2


def test_an_error_is_raised_after_the_rest_was_tried(start_server: Any) -> None:
    server = start_server()
    cache = hitrate.Cache(server.url, timeout=0.2, on_error="raise")
    server.kill()
    with pytest.raises(hitrate.ServerError):
        cache.invalidate("product:*", keys=["product:9"])
