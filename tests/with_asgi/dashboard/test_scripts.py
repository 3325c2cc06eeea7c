"""Programs that end right after they asked the cache: none leaves a lease that keeps the next one from storing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from threading import Thread
from typing import Any, cast

import pytest

import hitrate
from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.lease import Made, OriginalPlace, Place, Rules
from hitrate.lease.tasks import arun
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE, until
from tests.faults.proxy import proxy_to, swallow
from tests.with_asgi.dashboard.test_tenants import LEASE

SCRIPTS = 50
KEYS = [f"products:t:page:{page}" for page in range(4)]


@pytest.fixture(params=["known", "unknown"])
def server_of_scripts(request: pytest.FixtureRequest, own_server: Server) -> Callable[[], str]:
    """The server of the next program. If it does not know our Lua scripts, it takes a lease back in two commands."""

    def make() -> str:
        if request.param == "unknown":
            own_server.execute("SCRIPT", "FLUSH")
        return own_server.url

    return make


async def compute() -> int:
    await asyncio.sleep(0)
    return 1


async def cancelled(asking: Awaitable[object], turns: int) -> None:
    task = asyncio.ensure_future(asking)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()


async def ends_with_a_miss(cache: hitrate.Cache, turns: int) -> None:
    await asyncio.gather(*map(dashboard.get_cached, KEYS[: 1 + turns % 4]))


async def ends_with_a_cancelled_call(cache: hitrate.Cache, turns: int) -> None:
    await dashboard.get_cached(KEYS[1])
    await cancelled(dashboard.get_or_set_cached(KEYS[0], compute), turns)


async def ends_with_a_cancelled_function(cache: hitrate.Cache, turns: int) -> None:
    await cache.aget("warm")
    # No lease runs out while this test waits.
    await cancelled(hitrate.cached(ttl=60, cache=cache, lease=3600)(compute)(), turns)


async def ends_with_a_cancelled_answer_that_old_code_reads(cache: hitrate.Cache, turns: int) -> None:
    async def make(lease: object) -> Made[int]:
        return Made(await compute())

    await cache.aget("warm")
    place = OriginalPlace(cache, KEYS[0], Place(cache, f"{KEYS[0]}:h1"), lambda value, left: None, lambda: None)
    rules = Rules(60, lease=3600)
    await cancelled(arun(cast(Any, place), rules, None, make, lambda error: True), turns)


@contextlib.contextmanager
def managing(url: str) -> Iterator[dashboard.CacheManager]:
    manager = dashboard.CacheManager(url, lease=3600)
    dashboard.set_cache_manager(manager)
    try:
        yield manager
    finally:
        dashboard.set_cache_manager(None)


@pytest.mark.parametrize(
    "script",
    [
        ends_with_a_miss,
        ends_with_a_cancelled_call,
        ends_with_a_cancelled_function,
        ends_with_a_cancelled_answer_that_old_code_reads,
    ],
)
def test_fifty_programs_that_end_at_once_leave_no_lease(
    server_of_scripts: Callable[[], str],
    own_server: Server,
    script: Callable[[hitrate.Cache, int], Awaitable[None]],
) -> None:
    def leased() -> list[bytes]:
        return [key for key in own_server.execute("KEYS", "*") if is_lease(own_server.execute("GET", key))]

    for number in range(SCRIPTS):
        own_server.execute("FLUSHALL")
        with managing(server_of_scripts()) as manager:
            asyncio.run(script(manager.cache, number % 10))
            until(lambda: not leased(), f"program {number} has left no lease")


def test_a_program_that_ends_beside_a_server_that_hangs_waits_for_one_deadline(own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy, managing(f"{proxy.url}?timeout=1") as manager:

        async def script() -> None:
            await manager.cache.aget("warm")
            proxy.fault = swallow
            for key in KEYS:
                await cancelled(dashboard.get_cached(key), 2)

        program = Thread(target=asyncio.run, args=[script()], daemon=True)
        program.start()
        program.join(PATIENCE)
        assert not program.is_alive()


def is_lease(stored: bytes | None) -> bool:
    """Whether it is one of the dashboard's, or an entry of our own that nobody has filled."""
    return stored is not None and stored.startswith((LEASE, b"\xc1he\x01\0"))
