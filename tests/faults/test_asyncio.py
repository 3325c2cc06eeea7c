"""The `a` verbs as coroutines: what they are, what they may be awaited in, and what they cost the event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen
from tests.faults.event_loops import clients, until_async


def twins(kind: type) -> list[str]:
    """Names of the `a` verbs: each has a blocking one without the `a`."""
    return [name for name in dir(kind) if name.startswith("a") and hasattr(kind, name[1:]) and name[1:] != "iter_keys"]


@pytest.mark.parametrize("kind", [hitrate.Cache, hitrate.RateLimiter, hitrate.Lock])
def test_every_twin_is_a_coroutine_function(kind: type) -> None:
    names = twins(kind)
    assert len(names) > 3
    assert [name for name in names if not inspect.iscoroutinefunction(getattr(kind, name))] == []


@pytest.mark.parametrize("kind", [hitrate.Cache, hitrate.RateLimiter])
def test_every_blocking_verb_has_a_twin_with_the_same_arguments(kind: type) -> None:
    def arguments(name: str) -> list[tuple[str, Any]]:
        parameters = list(inspect.signature(getattr(kind, name)).parameters.values())[1:]
        return [(found.name, found.kind) for found in parameters]

    for name in twins(kind):
        assert arguments(name) == arguments(name[1:]), name


async def test_a_twin_can_be_made_a_task(make_cache: MakeCache) -> None:
    cache = make_cache()
    await asyncio.create_task(cache.aset("k", 1))
    assert await asyncio.create_task(cache.aget("k")) == 1
    assert await asyncio.gather(*(cache.aget("k") for _ in range(10))) == [1] * 10


def first_step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine without a loop; it must not want anything of one."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("it waits")


async def test_a_local_hit_neither_leaves_the_loop_nor_needs_one(server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(local=hitrate.Local(max_bytes=1 << 20, max_staleness=60))
    await cache.aset("k", {"a": [1]})
    assert await cache.aget("k") == {"a": [1]}
    before = cache.stats()["round_trips"]
    assert first_step(cache.aget("k")) == {"a": [1]}
    assert first_step(cache.aget_many(["k"])) == {"k": {"a": [1]}}
    assert cache.stats()["round_trips"] == before


def test_an_embedded_store_needs_no_loop_either() -> None:
    cache = hitrate.Cache("memory://no-loop", serializer="pickle")
    first_step(cache.aset("k", 1))
    assert first_step(cache.aget("k")) == 1
    assert first_step(cache.adelete("k")) is True


@pytest.mark.parametrize("verb", ["aget", "adelete", "aincr"])
def test_without_a_loop_of_asyncio_a_call_is_refused_and_says_what_to_do(make_cache: MakeCache, verb: str) -> None:
    # Other async libraries, trio and curio, step coroutines just so: without a running loop of asyncio.
    cache = make_cache()
    cache.set("k", 1)
    with pytest.raises(ConfigError, match=r"running event loop of asyncio.*to_thread"):
        getattr(cache, verb)("k").send(None)
    assert cache.get("k") == 1
    assert cache.stats()["breaker"]["state"] == "closed"


async def test_one_stopped_server_does_not_stop_the_loop(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(timeout=0.5)
    await cache.aset("k", 1)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with frozen(own_server):
        assert await asyncio.gather(*(cache.aget("k") for _ in range(200))) == [None] * 200
        waited = ticks
    ticking.cancel()
    assert waited > 5
    await until_async(lambda: cache.stats()["breaker"]["state"] == "closed", "the breaker is closed")
    assert await cache.aget("k") == 1


async def test_a_verb_that_was_never_awaited_sends_nothing(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url)
    cache.aset("k", 1).close()
    assert clients(own_server) == 0
