"""Rows of the dashboard's document about connecting: a server that hangs, and one that refuses what it is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, until
from tests.faults.proxy import healthy, proxy_to, swallow
from tests.with_asgi.dashboard.conftest import MakeManager
from tests.with_asgi.dashboard.site import ACME, ENDPOINTS, serving

PASSWORD = "of-the-application"
COUNTED = {"hits": 1, "misses": 1, "sets": 1, "invalidations": 0, "evictions": 0, "total_requests": 2}
OF_THE_SERVER = "redis_keyspace_hits redis_keyspace_misses redis_evicted_keys".split()
OF_THE_SERVER += "used_memory_mb max_memory_mb memory_usage_percent".split()


@pytest.fixture
def url_without(own_server: Server) -> Callable[..., str]:
    """The server, for a user who may do everything but some commands."""

    def make(*commands: str) -> str:
        denied = [f"-{command}" for command in commands]
        own_server.execute("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "&*", "+@all", *denied)
        return own_server.url.replace("redis://", f"redis://app:{PASSWORD}@", 1)

    return make


async def test_connecting_to_a_server_that_hangs_ends_and_says_so(
    make_manager: MakeManager, own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hitrate.layouts.fastapi_dashboard")
    with proxy_to(own_server.url) as proxy:
        proxy.fault = swallow
        manager = make_manager(proxy.url, timeout=1)
        await asyncio.wait_for(manager.connect(), PATIENCE)
    assert caplog.messages == ["the cache's server is away: values are computed until it is there"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_application_starts_while_its_server_hangs_and_uses_it_afterwards(
    own_server: Server, tmp_path: Path
) -> None:
    with proxy_to(own_server.url) as proxy:
        proxy.fault = swallow
        with serving(tmp_path, REDIS_URL=f"{proxy.url}?timeout=1") as site:
            for path, *_ in ENDPOINTS:
                assert site.get(path) == site.get(path)
            assert site.get("/cache/health", "acme-admin-demo")["healthy"] is False
            assert own_server.execute("DBSIZE") == 0
            proxy.fault = healthy
            proxy.cut()

            def is_cached() -> bool:
                site.get("/dashboard/stats")
                return bool(own_server.execute("EXISTS", f"dashboard_stats:{ACME}"))

            until(is_cached, "the server is used")


async def test_a_server_that_may_not_be_set_up_is_used_all_the_same(
    make_manager: MakeManager, url_without: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hitrate.layouts.fastapi_dashboard")
    manager = make_manager(url_without("config"), configure_server=True)
    await manager.connect()
    # The client has a line of its own, once, for whatever a server refuses.
    said = [record for record in caplog.records if record.name == "hitrate.layouts.fastapi_dashboard"]
    assert [record.levelname for record in said] == ["WARNING", "INFO"]
    warning, info = [record.getMessage() for record in said]
    assert warning.startswith("memory limit and eviction of the cache's server were not set: ")
    assert "\n" not in warning
    assert PASSWORD not in caplog.text
    assert info == "the cache's server is there"
    assert await manager.set("pricing", "t", "p", 1)
    assert await manager.get("pricing", "t", "p") == 1


async def test_who_does_not_set_the_server_up_needs_no_right_to(
    make_manager: MakeManager, url_without: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    await make_manager(url_without("config")).connect()
    assert caplog.messages == []


@pytest.mark.parametrize("refused", [(), ("info",), ("dbsize",), ("info", "dbsize")], ids=" ".join)
@pytest.mark.parametrize("is_bare", [False, True], ids=["wrapped", "bare"])
async def test_metrics_tell_what_the_server_lets_them(
    make_manager: MakeManager, url_without: Callable[..., str], refused: tuple[str, ...], is_bare: bool
) -> None:
    manager = make_manager(url_without(*refused))
    dashboard.set_cache_manager(manager)
    await dashboard.get_cached("k")
    await dashboard.set_cached("k", 1)
    await dashboard.get_cached("k")
    app = FastAPI()
    app.include_router(dashboard.create_router(permission=lambda: None, bare_metrics=is_bare))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        answer = (await client.get("/cache/metrics")).json()
    metrics = answer if is_bare else answer["metrics"]
    assert is_bare or answer == {"enabled": True, "metrics": metrics}
    counts = COUNTED | {"hit_rate_percent": 50.0}
    assert {name: metrics[name] for name in counts} == counts
    if "info" in refused:
        assert metrics == counts | {"missing": ["INFO"]}
    else:
        assert metrics.keys() == {*counts, *OF_THE_SERVER}
