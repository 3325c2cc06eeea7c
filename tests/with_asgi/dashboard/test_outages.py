"""A uvicorn process whose Redis is absent at start, comes, dies, hangs: answers come, and the cache comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, until
from tests.faults.proxy import Proxy, delay, healthy, proxy_to, swallow
from tests.with_asgi.dashboard.conftest import MakeManager
from tests.with_asgi.dashboard.site import ACME, Site, serving

# If every call waited for its own deadline, the requests below would take several times as long as anybody waits here.
DEADLINE = 2
REQUESTS = 25
KEY = f"dashboard_stats:{ACME}"
TENANTS = ["one", "two", "three"]


@pytest.fixture
def proxy(own_server: Server) -> Iterator[Proxy]:
    with proxy_to(own_server.url) as found:
        yield found


@pytest.fixture
def site(proxy: Proxy, tmp_path: Path) -> Iterator[Site]:
    """Started while nobody listens."""
    proxy.refuse()
    with serving(tmp_path, HITRATE_URL=f"{proxy.url}?timeout={DEADLINE}") as found:
        yield found


def ask_many(site: Site) -> None:
    end = time.monotonic() + PATIENCE
    with site.client() as client:
        for number in range(REQUESTS):
            answer = client.get("/dashboard/stats" if number % 2 else f"/dashboard/kpis?days={number + 1}")
            assert answer.status_code == 200, answer.text
            assert time.monotonic() < end, f"only {number} of {REQUESTS} requests were answered in {PATIENCE:g} s"


def is_cached(site: Site, server: Server) -> bool:
    site.get("/dashboard/stats")
    return bool(server.execute("EXISTS", KEY))


def test_absent_then_there_then_dead_then_hung_then_back(site: Site, proxy: Proxy, own_server: Server) -> None:
    ask_many(site)
    proxy.accept()
    until(lambda: is_cached(site, own_server), "a server that came late is used")
    proxy.refuse()
    proxy.cut()
    ask_many(site)
    proxy.accept()
    own_server.execute("FLUSHALL")
    until(lambda: is_cached(site, own_server), "a server that died is used again")
    proxy.fault = swallow
    ask_many(site)
    proxy.fault = healthy
    proxy.cut()
    own_server.execute("FLUSHALL")
    until(lambda: is_cached(site, own_server), "a server that hung is used again")


async def test_changes_wait_once_for_a_hung_server_however_many_they_are(
    make_manager: MakeManager, proxy: Proxy, own_server: Server
) -> None:
    manager = make_manager(proxy.url, timeout=DEADLINE)
    publisher = dashboard.EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, publisher)
    for tenant in TENANTS:
        assert await manager.set("pricing", tenant, "p", 1)
    proxy.fault = swallow
    for tenant in TENANTS:
        await publisher.publish(dashboard.DataEvent(dashboard.EventType.PRICE_UPDATED, tenant, "product", "p"))
        assert await manager.clear_product(tenant, "p") == 0
        assert await manager.get("pricing", tenant, "p") is None
    assert manager.cache.stats()["timeouts"] == 1
    proxy.fault = healthy
    proxy.cut()
    until(lambda: not own_server.execute("KEYS", "*pricing:*"), "they are forgotten")


@pytest.mark.parametrize("verb", ["event", "tenant", "product", "type", "glob"])
async def test_a_slow_server_holds_up_no_change_for_longer_than_a_deadline(
    make_manager: MakeManager, proxy: Proxy, own_server: Server, prefix: str, verb: str
) -> None:
    # Each reply is in time, but a walk over the keys needs many.
    manager = make_manager(proxy.url, timeout=DEADLINE)
    own_server.execute("EVAL", "for i = 1, 60000 do redis.call('SET', 'other:' .. i, 1) end", 0)
    publisher = dashboard.EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, publisher)
    assert await manager.set("pricing", "t", "p", "old")
    assert await manager.set("pricing", "u", "p", "of another")
    event = dashboard.DataEvent(dashboard.EventType.PRICE_UPDATED, "t", "product", "p")
    calls = {
        "event": lambda: publisher.publish(event),
        "tenant": lambda: manager.clear_tenant_cache("t"),
        "product": lambda: manager.clear_product("t", "p"),
        "type": lambda: manager.invalidate_pattern("pricing", "t"),
        "glob": lambda: manager.invalidate_pattern("pricing:t:*"),
    }
    proxy.fault = delay(DEADLINE / 4)
    await calls[verb]()
    # It was not waited for: others still find what is forgotten here.
    assert own_server.execute("EXISTS", f"{prefix}:pricing:t:p") == 1
    assert await manager.get("pricing", "t", "p") is None
    assert await manager.set("pricing", "t", "p", "of nobody knows when") is False
    assert await manager.get("pricing", "u", "p") == "of another"
    assert await manager.get("pricing", "v", "p") is None
    assert await manager.set("pricing", "v", "p", "what has nothing to do with it is stored")
    # While that goes on, the next ones do not wait at all.
    waits = manager.cache.stats()["breaker"]["journaled"]
    await calls[verb]()
    assert manager.cache.stats()["breaker"]["journaled"] > waits
    proxy.fault = healthy
    until(lambda: not own_server.execute("EXISTS", f"{prefix}:pricing:t:p"), "it is forgotten for others, too")
    until(lambda: manager.cache.stats()["breaker"]["journal"] == 0, "nothing is left to be forgotten")
    assert await manager.get("pricing", "t", "p") is None
    assert await manager.set("pricing", "t", "p", "new")
    assert await manager.get("pricing", "t", "p") == "new"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("timeout=20", {}),
        ("socket_timeout=20", {}),
        ("", {"timeout": 20}),
        ("", {"timeout": timedelta(seconds=20)}),
    ],
    ids=["url", "url of redis-py", "number", "timedelta"],
)
async def test_a_walk_has_the_deadline_of_the_cache_however_that_is_given(
    make_manager: MakeManager, proxy: Proxy, query: str, options: dict[str, Any]
) -> None:
    manager = make_manager(f"{proxy.url}?{query}", **options)
    assert await manager.set("pricing", "t", "p", 1)
    # Two round trips take longer than the deadline where none is given.
    proxy.fault = delay(0.3)
    assert await manager.clear_tenant_cache("t") == 1


async def test_many_changes_of_one_tenant_do_not_forget_those_of_others(
    make_manager: MakeManager, proxy: Proxy, own_server: Server
) -> None:
    manager = make_manager(proxy.url, timeout=DEADLINE)
    assert await manager.set("pricing", "other", "p", 1)
    proxy.refuse()
    proxy.cut()
    for number in range(20):
        assert await manager.clear_product("one", f"p{number}") == 0
    proxy.accept()
    until(lambda: manager.cache.stats()["breaker"]["journal"] == 0, "the server is back")
    assert await manager.get("pricing", "other", "p") == 1


@pytest.mark.parametrize("is_hung", [False, True], ids=["dead", "hung"])
def test_what_changes_while_the_server_is_away_is_not_served_from_before(
    site: Site, proxy: Proxy, own_server: Server, is_hung: bool
) -> None:
    proxy.accept()
    until(lambda: is_cached(site, own_server), "the server is used")
    before = site.get("/dashboard/stats")
    product = site.get("/products?limit=1")["items"][0]["id"]
    if is_hung:
        proxy.fault = swallow
    else:
        proxy.refuse()
        proxy.cut()
    with site.client() as client:
        assert client.post(f"/products/{product}/reviews", json={"stars": 1}).status_code == 201
        after = client.get("/dashboard/stats").json()
    assert after["reviews"] == before["reviews"] + 1
    proxy.fault = healthy
    proxy.cut()
    if not is_hung:
        proxy.accept()
    until(lambda: is_cached(site, own_server), "the server is used again")
    assert site.get("/dashboard/stats") == after
