"""What is no reason to open the breaker: one slow connection, a server that is slow for once, bulk work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until, until_healed
from tests.faults.proxy import Fault, Link, Proxy, delay, healthy, swallow
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]
MANY = [f"k{number}" for number in range(10_000)]


def opened(cache: hitrate.Cache) -> int:
    found: int = cache.stats()["breaker"]["opened"]
    return found


def slow_for(links: set[Link], seconds: float) -> Fault:
    """Deliver late on these connections, at once on others."""

    async def fault(link: Link, data: bytes) -> None:
        await asyncio.sleep(seconds if link in links else 0)
        await link.deliver(data)

    return fault


@pytest.mark.parametrize(
    ("verb", "args"),
    [("get", ("k",)), ("set", ("k", 2)), ("delete", ("k",)), ("has", ("k",)), ("delete_many", (["k", "l"],))],
    ids=["get", "set", "delete", "has", "delete_many"],
)
async def test_one_slow_connection_does_not_open_the_breaker(
    proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str, args: tuple[Any, ...]
) -> None:
    cache = missing_cache(proxy.url, timeout=1)
    verbs = as_verbs(cache)
    await verbs.set("k", 1)
    proxy.fault = slow_for(set(proxy._links), 3)
    await getattr(verbs, verb)(*args)
    assert cache.stats()["timeouts"] == 1
    until_healed(cache)
    await asyncio.sleep(0.2)  # whatever the PING in the background brings
    assert opened(cache) == 0
    assert await verbs.set("other", 1) is True
    assert await verbs.get("other") == 1


async def test_a_server_that_is_slow_for_once_does_not_open_the_breaker(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=2)
    verbs = as_verbs(cache)
    await verbs.set("k", 1)
    own_server.stop()  # as a slow fork or a slow script would
    going_on = threading.Timer(2.3, own_server.cont)  # after the reply's deadline, before that of the PING
    going_on.start()
    try:
        assert await verbs.get("k") is None
    finally:
        going_on.join()
    assert cache.stats()["timeouts"] == 1
    until(lambda: cache.get("k") == 1, "hits are back")
    assert opened(cache) == 0


@pytest.mark.parametrize(
    ("verb", "args", "expected"),
    [
        ("get_many", (MANY,), None),
        ("set_many", (dict.fromkeys(MANY, 1),), None),
        ("delete_many", (MANY,), None),
        ("delete_pattern", ("k*",), None),
        ("clear", (), None),
    ],
    ids=["get_many", "set_many", "delete_many", "delete_pattern", "clear"],
)
async def test_bulk_work_that_takes_too_long_does_not_open_the_breaker(
    proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str, args: tuple[Any, ...], expected: Any
) -> None:
    cache = missing_cache(proxy.url, timeout=5, bulk_timeout=0.5)
    verbs, witness = as_verbs(cache), missing_cache(timeout=60)
    witness.set_many(dict.fromkeys(MANY, 1))
    proxy.fault = delay(0.1)  # 20 round trips: two seconds
    await getattr(verbs, verb)(*args)
    assert cache.stats()["timeouts"] == 1
    assert await verbs.set("other", 1) is True
    assert await verbs.get("other") == 1 or verb == "clear"
    proxy.fault = healthy
    until_healed(cache)
    assert opened(cache) == 0
    if verb in {"delete_many", "delete_pattern", "clear"}:
        assert witness.get_many(MANY) == {}


@pytest.mark.parametrize("verb", ["get_many", "set_many"])
async def test_bulk_work_on_a_hung_wire_does_not_open_the_breaker(
    proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str
) -> None:
    cache = missing_cache(proxy.url, timeout=0.3, bulk_timeout=0.5)
    verbs = as_verbs(cache)
    await verbs.set("k", 1)
    proxy.fault = swallow
    for _ in range(3):
        found = await getattr(verbs, verb)(MANY if verb == "get_many" else dict.fromkeys(MANY, 1))
        assert found == ({} if verb == "get_many" else MANY)
    assert opened(cache) == 0
    proxy.fault = healthy
    assert await verbs.get("k") == 1


async def test_waiting_for_a_slot_does_not_open_the_breaker(proxy: Proxy, missing_cache: MakeCache) -> None:
    cache = missing_cache(proxy.url, timeout=1, max_connections=1)
    cache.set("k", 1)
    proxy.fault = delay(0.1)
    results: list[Any] = []
    callers = [threading.Thread(target=lambda: results.append(cache.get("k"))) for _ in range(30)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert set(results) == {1, None}
    proxy.fault = healthy
    until(lambda: cache.get("k") == 1, "hits are back")
    assert opened(cache) == 0
