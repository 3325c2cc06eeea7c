"""What tests of event loops share: loops of several kinds, and counts of what is open."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

import hitrate
from hitrate.testing import Server
from tests.faults.conftest import PATIENCE
from tests.faults.proxy import Proxy

T = TypeVar("T")
NewLoop = Callable[[], asyncio.AbstractEventLoop]


def uvloop_or_skip() -> asyncio.AbstractEventLoop:
    """Make a loop of uvloop; the test is skipped where that is not installed."""
    if find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed: it has no wheel for this interpreter or system")
    import uvloop

    return uvloop.new_event_loop()


every_loop = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop_or_skip], ids=["asyncio", "uvloop"])
"""The test runs in a loop of asyncio, and in one of uvloop."""


def run(new_loop: NewLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new loop to its end, as `asyncio.run` does."""
    try:
        loop = new_loop()
    except BaseException:
        work.close()
        raise
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def open_sockets() -> int:
    """Count the sockets of this process."""
    gc.collect()
    links = list(Path("/proc/self/fd").iterdir())
    return sum(link.is_symlink() and str(link.readlink()).startswith("socket:") for link in links)


def clients(server: Server) -> int:
    """Count the connections the server has, besides the one that asks."""
    return len(server.execute("CLIENT", "LIST").splitlines()) - 1


def open_in_loops(proxy: Proxy, cache: hitrate.Cache) -> int:
    """Count the connections of event loops; the PING of the breaker comes by blocking ones, which are closed here."""
    cache.close()
    return proxy.open_connections


async def until_async(condition: Callable[[], Any], what: str) -> None:
    """`until`, in an event loop."""
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < give_up, f"waited {PATIENCE:g} s in vain until {what}"
        await asyncio.sleep(0.01)


async def no_task_is_left() -> None:
    """Wait until no task runs but the one that asks."""
    await until_async(lambda: len(asyncio.all_tasks()) == 1, "no task is left")


async def read_back(cache: hitrate.Cache, number: int) -> Any:
    """Store a number and read it."""
    await cache.aset("k", number)
    return await cache.aget("k")
