"""After a failover the same address leads to another server: what the old one said must not be taken for its word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

import hitrate
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until
from tests.faults.proxy import Cut, Link, Proxy, healthy, proxy_to, swallow
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]

KEYS = 3000
PAGES = 7


def fail_over_amid(proxy: Proxy, new: Server) -> None:
    """Cut the connection after some pages of a walk; the next ones lead to the new server."""
    left = PAGES

    async def count_pages(link: Link, data: bytes) -> None:
        nonlocal left
        left -= b"product" in data
        if left == 0:
            proxy.lead_to(new.url)
            proxy.fault = healthy
            raise Cut
        await link.deliver(data)

    proxy.fault = count_pages


@pytest.fixture
def loaded(start_server: Callable[..., Server]) -> tuple[Server, Server]:
    """Two servers with the same keys, each of which walks over them in an order of its own."""
    servers = start_server(), start_server()
    for server in servers:
        hitrate.Cache(server.url, prefix="p").set_many({f"product:{number}": number for number in range(KEYS)})
    return servers


@asynccontextmanager
async def failing_over(loaded: tuple[Server, Server], make_cache: MakeCache, as_verbs: AsVerbs) -> AsyncIterator[Verbs]:
    """The verbs of a cache whose next walk is led from one server to the other."""
    old, new = loaded
    with proxy_to(old.url) as proxy:
        verbs = as_verbs(make_cache(proxy.url, prefix="p", timeout=60))
        await verbs.get("nothing")
        fail_over_amid(proxy, new)
        yield verbs
        assert proxy.connections == 2


async def test_a_deletion_begins_again_on_the_server_that_serves_now(
    loaded: tuple[Server, Server], make_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    async with failing_over(loaded, make_cache, as_verbs) as verbs:
        await verbs.delete_pattern("product:*", itersize=100)
    assert loaded[1].execute("DBSIZE") == 0


async def test_a_walk_over_keys_misses_none_of_the_server_that_serves_now(
    loaded: tuple[Server, Server], make_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    async with failing_over(loaded, make_cache, as_verbs) as verbs:
        found = await verbs.iter_keys("product:*", itersize=100)
    assert sorted(found) == sorted(f"product:{number}" for number in range(KEYS))


def test_a_walk_that_paused_while_the_server_changed_misses_no_key(
    loaded: tuple[Server, Server], make_cache: MakeCache
) -> None:
    old, new = loaded
    with proxy_to(old.url) as proxy:
        cache = make_cache(proxy.url, prefix="p", timeout=60)
        walk = cache.iter_keys("product:*", itersize=100)
        found = [next(walk) for _ in range(500)]
        proxy.lead_to(new.url)
        # Nobody is using it, so that nobody sees it break.
        cache.close()
        found += walk
        assert sorted(found) == sorted(f"product:{number}" for number in range(KEYS))


def read(cache: hitrate.Cache, verb: str) -> Any:
    """What is at ``k``."""
    return cache.get("k") if verb == "get" else cache.get_many(["k"]).get("k")


@pytest.mark.parametrize("verb", ["get", "get_many"])
def test_what_an_old_connection_says_is_not_covered_by_the_feed_of_the_new_server(
    start_server: Callable[..., Server], verb: str
) -> None:
    old, new = start_server(), start_server()
    for server, value in ((old, "old"), (new, "new")):
        hitrate.Cache(server.url, prefix="p").set("k", value)
    with proxy_to(old.url) as before, ThreadPoolExecutor(1) as thread:
        url = f"redis://localhost:{before.port}"
        cache = hitrate.Cache(url, prefix="p", timeout=60, local=hitrate.Local(max_staleness=0.3))
        popping = thread.submit(cache.execute, "BLPOP", "list", 30)
        until(lambda: b"cmd=blpop" in old.execute("CLIENT", "LIST"), "a connection to the old server is in use")
        before.refuse()
        with proxy_to(new.url, place=("::1", before.port)):
            cache.get("other")
            until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed of the new server has begun")
            old.execute("RPUSH", "list", 1)
            popping.result()
            # It was given back last, and so is used first.
            assert read(cache, verb) == "old"
            before.cut()
            until(lambda: read(cache, verb) == "new", "the copy of what the old server said is served no longer")
            assert cache.stats()["local"]["feed"]["fresh"]
            cache.close()


def test_idle_connections_are_closed_when_a_new_one_leads_elsewhere(start_server: Callable[..., Server]) -> None:
    old, new = start_server(), start_server()
    with proxy_to(old.url) as before, ThreadPoolExecutor(3) as threads:
        cache = hitrate.Cache(f"redis://localhost:{before.port}", prefix="p", timeout=1)
        list(threads.map(lambda _: cache.execute("BLPOP", "nobody pushes", 0.2), range(3)))
        assert cache.stats()["pool"]["idle"] == 3
        before.fault = swallow
        before.refuse()
        with proxy_to(new.url, place=("::1", before.port)) as after:
            # Nobody answers; the PING that finds out why needs a new connection.
            assert cache.get("k") is None
            assert after.connections == 1
            until(lambda: before.open_connections == 0, "the others are closed, too")
            cache.close()
