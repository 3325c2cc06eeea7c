"""What the fault tests share: how long to insist, a proxy in between, caches that miss, programs of their own."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.testing import Server, find_server
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.wall_clock import WallClock, build_library, compiler
from tests.integration.conftest import Verbs

ROOT = Path(__file__).parents[2]
# Long enough for a machine that is busy with other things; nothing here needs a fraction of it.
PATIENCE = 20.0

MakeCache = Callable[..., hitrate.Cache]
"""What the fixtures `make_cache` and `missing_cache` are."""


@pytest.fixture
def seconds() -> float:
    """How long a test that hammers hammers: ``$HITRATE_SOAK`` seconds, else 3."""
    return float(os.environ.get("HITRATE_SOAK") or 3)


@pytest.fixture
def proxy(own_server: Server) -> Iterator[Proxy]:
    """A proxy in front of a server of one's own."""
    with proxy_to(own_server.url) as found:
        yield found


@pytest.fixture
def missing_cache(make_cache: MakeCache, own_server: Server) -> MakeCache:
    """Make caches as users get them, whose reads miss when the server is away, on a server that may be hurt."""

    def make(url: str | None = None, **options: Any) -> hitrate.Cache:
        return make_cache(url or own_server.url, **{"on_error": "miss", "timeout": 0.5, **options})

    return make


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What moves the wall clock of a process that preloads it."""
    if sys.platform != "linux" or compiler() is None:
        pytest.skip("a library is preloaded to move a process's clock, which takes Linux and a C compiler")
    return build_library(tmp_path_factory.mktemp("wall_clock"))


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path / "offset")


@pytest.fixture
def jumping_server(start_server: Callable[..., Server], clock: WallClock, library: Path, tmp_path: Path) -> Server:
    """A server whose clock jumps when `clock` does."""
    program = find_server()
    if program is None:
        pytest.skip("no server program whose clock could be moved")
    wrapper = tmp_path / "server"
    settings = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in clock.environment(library).items())
    wrapper.write_text(f'#!/bin/sh\n{settings}\nexec {shlex.quote(str(program))} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o700)
    return start_server(binary=wrapper)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def as_verbs(request: pytest.FixtureRequest) -> Callable[[hitrate.Cache], Verbs]:
    """See a cache through `Verbs`: the test runs for the blocking verbs, and for their `a` twins."""
    return lambda cache: Verbs(cache, twins=request.param)


def set_clock(server: Server, clock: WallClock, seconds: int) -> None:
    """Let the server's clock jump, and prove that it did."""
    clock.jump(seconds)
    off = int(server.execute("TIME")[0]) - time.time()
    assert abs(off - seconds) < 1000, (off, seconds)


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait until the condition holds; fail saying `what` was waited for."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"waited {PATIENCE:g} s in vain until {what}"
        time.sleep(0.01)


async def eventually(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait until the condition holds, while the event loop goes on; fail saying `what` was waited for."""
    give_up = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < give_up, f"waited {PATIENCE:g} s in vain until {what}"
        await asyncio.sleep(0.005)


def until_healed(cache: hitrate.Cache) -> None:
    """Wait until the cache uses its server again and has made up for every deletion."""

    def is_healed() -> bool:
        breaker = cache.stats()["breaker"]
        return bool(breaker["state"] == "closed" and breaker["journal"] == 0)

    until(is_healed, "the breaker is closed and the journal replayed")


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server is stopped (SIGSTOP) within the block."""
    server.stop()
    try:
        yield
    finally:
        server.cont()


def run_python(
    code: str, *args: str, flags: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own, with more in its environment if asked, and end it if it hangs."""
    command = [sys.executable, *flags, "-c", code, *args]
    # `PYTHON...` variables would change what the test is about.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env.update(environment or {})
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=10 * PATIENCE, check=False
    )
