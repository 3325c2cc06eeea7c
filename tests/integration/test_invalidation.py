"""Forgetting keys, patterns and tags: both forms of an entry go, nothing else does, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError, ServerError
from hitrate.testing import Server
from tests.integration.conftest import MakeVerbs, Verbs

ON_EVERY_STORE = True


@pytest.fixture
async def verbs(make_verbs: MakeVerbs, protocol: int) -> Verbs:
    """A cache with two lists and two products, each in the original's form and in ours."""
    made = make_verbs(protocol=protocol)
    for key in ("products:list", "products:list:8f0e", "product:9", "product:91"):
        await made.set(key, key)
        await made.set(f"{key}:u=1:h1", key)
    return made


async def left(verbs: Verbs) -> set[str]:
    """The keys that are left, without our own records."""
    return {key for key in await verbs.keys() if not key.startswith("hitrate:")}


async def test_a_key_is_forgotten_in_both_forms(verbs: Verbs) -> None:
    # What is below "products:list:8f0e" is below "products:list", too.
    assert await verbs.invalidate(keys=["products:list", "product:9"]) == 5
    assert await left(verbs) == {"products:list:8f0e", "product:91", "product:91:u=1:h1"}


async def test_user_9_does_not_forget_what_is_of_user_91(verbs: Verbs) -> None:
    await verbs.invalidate("product:9:*", keys=["product:9"])
    assert {"product:91", "product:91:u=1:h1"} <= await left(verbs)
    await verbs.invalidate(f"product:{hitrate.escape_glob('9*')}*")
    assert {"product:91", "product:91:u=1:h1"} <= await left(verbs)


async def test_a_pattern_takes_both_forms(verbs: Verbs) -> None:
    assert await verbs.invalidate("product:?") == 2
    assert await verbs.invalidate(["products:*", "nothing:*"]) == 4
    assert await left(verbs) == {"product:91", "product:91:u=1:h1"}


async def test_several_things_are_forgotten_in_one_go(verbs: Verbs) -> None:
    assert await verbs.invalidate("products:*", keys=["product:9"], tags=["product", "shop"]) == 8
    assert await left(verbs) == {"product:91", "product:91:u=1:h1"}


async def test_many_keys_take_one_walk(verbs: Verbs) -> None:
    await verbs.invalidate(keys=["warm", "up"])
    before = (await verbs.stats())["round_trips"]
    await verbs.invalidate(keys=["product:9"])
    one = (await verbs.stats())["round_trips"] - before
    await verbs.invalidate(keys=[f"product:{at}" for at in range(2, 100)])
    assert (await verbs.stats())["round_trips"] - before - one <= one + 2
    assert {key for key in await left(verbs) if key.startswith("product:")} == set()


async def test_nothing_to_forget_asks_nothing(verbs: Verbs) -> None:
    before = (await verbs.stats())["round_trips"]
    assert await verbs.invalidate() == 0
    assert (await verbs.stats())["round_trips"] == before


async def test_versions_are_told_apart(make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(layout="django")
    for version in (1, 2):
        await verbs.set("product:9", version, version=version)
        await verbs.set("product:9:x:h1", version, version=version)
    assert await verbs.invalidate(keys=["product:9"], version=2) == 2
    assert await verbs.get("product:9:x:h1", version=1) == 1


async def test_keys_spelled_by_a_function_are_found(make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(key_function=lambda key, prefix, version: f"{prefix}|{key}")
    for key in ("product:9", "product:9:x:h1", "product:91"):
        await verbs.set(key, 1)
    assert await verbs.invalidate(keys=["product:9"]) == 2
    assert await verbs.get("product:91") == 1


@pytest.mark.parametrize("given", [{"keys": "product:9"}, {"tags": "product"}])
async def test_a_text_in_place_of_several_is_refused(verbs: Verbs, given: Any) -> None:
    with pytest.raises(ConfigError, match="give a list"):
        await verbs.invalidate(**given)


async def test_what_cannot_be_said_now_is_written_down(own_server: Server, make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(own_server.url, timeout=0.2, on_error="miss")
    keys = [f"product:{at}" for at in range(60)]
    await verbs.set("product:7", "old")
    own_server.kill()
    assert await verbs.invalidate("products:*", keys=keys, tags=["product"]) is None
    # A key, our entry at it, what is below it, the pattern, the tag, the note: each by itself, not all of the cache.
    assert (await verbs.stats())["breaker"]["journal"] == 3 * len(keys) + 3


def test_what_could_be_forgotten_is_before_the_error_is_raised(
    start_server: Callable[..., Server], make_cache: Callable[..., hitrate.Cache]
) -> None:
    server = start_server()
    server.execute("ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all", "-scan")
    cache = make_cache(f"redis://web:secret@127.0.0.1:{server.port}")
    cache.set("product:9", "old")
    with pytest.raises(ServerError, match="scan"):
        cache.invalidate(keys=["product:9"], tags=["product"])
    assert cache.get("product:9") is None


async def test_critical_keys_go_by_patterns_that_name_them_alone(make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(critical=["session:", "auth.tokens"])
    keys = {"session:1", "session:2", "auth.tokens.1", "page", "late:session:1"}
    await verbs.set_many(dict.fromkeys(keys, 1))
    for pattern in ("*", "?*", "*:*", "[as]*", "s*", "sess*"):
        await verbs.invalidate(pattern)
    assert await left(verbs) == {"session:1", "session:2", "auth.tokens.1"}
    assert await verbs.invalidate(["*", "session:1*"]) == 1
    assert await verbs.invalidate("auth*") == 1
    assert await verbs.invalidate(keys=["session:2"]) == 1
    await verbs.set("session:3", 1)
    assert await verbs.delete_pattern("*") >= 1
    await verbs.set("session:4", 1)
    await verbs.clear()
    assert await left(verbs) == set()
