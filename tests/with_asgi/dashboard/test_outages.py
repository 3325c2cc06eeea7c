"""A uvicorn process whose Redis is absent at start, comes, dies, hangs: answers come, and the cache comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, until
from tests.faults.proxy import Proxy, healthy, proxy_to, swallow
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
