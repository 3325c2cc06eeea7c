"""What the tests of the dashboard share: a manager on every store, and a look at what stands there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.testing import Endpoint
from tests.faults.conftest import eventually
from tests.with_asgi.dashboard.site import PREFIX, Site, serving

MakeManager = Callable[..., dashboard.CacheManager]
"""What the fixture `make_manager` is."""


@pytest.fixture(params=["server", "memory"])
def url(request: pytest.FixtureRequest, prefix: str) -> str:
    """Where values stand: a server, and a store in this process."""
    if request.param == "memory":
        return f"memory://{prefix}"
    server: Endpoint = request.getfixturevalue("server")
    return server.url


@pytest.fixture
async def make_manager(prefix: str) -> AsyncIterator[MakeManager]:
    """Make managers with the test's prefix, and disconnect them all. None is the process's, unless a test says so."""
    async with AsyncExitStack() as managers:

        def make(url: str, **options: Any) -> dashboard.CacheManager:
            manager = dashboard.CacheManager(url, **{"prefix": prefix, **options})
            managers.push_async_callback(manager.disconnect)
            return manager

        yield make
        dashboard.set_cache_manager(None)


@pytest.fixture
async def manager(make_manager: MakeManager, url: str) -> dashboard.CacheManager:
    """The manager of this process, empty."""
    found = make_manager(url)
    await found.cache.aclear()
    dashboard.set_cache_manager(found)
    return found


@pytest.fixture(scope="session")
def served(server: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The example, serving for all tests of this process that hurt neither it nor its server."""
    with serving(tmp_path_factory.mktemp("site"), REDIS_URL=server.url, DASHBOARD_KEY_PREFIX=PREFIX) as found:
        yield found


@pytest.fixture
def site(served: Site, server: Endpoint) -> Site:
    """The example, with nothing cached."""
    for key in server.execute("KEYS", f"{PREFIX}:*"):
        server.execute("DEL", key)
    return served


async def raw(manager: dashboard.CacheManager, key: str) -> bytes | None:
    """The bytes under a key."""
    found: bytes | None = await manager.cache.aexecute("GET", manager.cache.make_key(key))
    return found


async def given_back(manager: dashboard.CacheManager) -> None:
    """Wait until the leases of tasks that ended have been given back."""

    async def is_none_left() -> bool:
        return not manager._store._fills._standing

    await eventually(is_none_left, "all leases are given back")


async def hang_up(request: Coroutine[Any, Any, Any], turns: int) -> None:
    """Begin a request, and cancel it after so many turns of the event loop."""
    task = asyncio.create_task(request)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def put(manager: dashboard.CacheManager, key: str, stored: Any, ttl: int = 300) -> None:
    """Store as an old worker does."""
    text = stored if isinstance(stored, (bytes, str)) else json.dumps(stored)
    await manager.cache.aexecute("SET", manager.cache.make_key(key), text, "EX", ttl)
