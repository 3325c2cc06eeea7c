"""Fixtures for all tests: a server, a key prefix of one's own, a cache on both."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, settings

import hitrate
from hitrate.pytest_plugin import hitrate_server  # noqa: F401 (a fixture: works before the plugin is installed, too)
from hitrate.testing import NO_SERVER, Endpoint, Server, find_server, throwaway_server

# Busy machines are slow at times; how long an example takes is no property of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """
    How many processes ``-n auto`` stands for: two per core, because most tests wait most of the time.

    Each starts a server of its own. On one that is given they run one after the other, in this process: some change the
    server's settings, or count what it does.
    """
    return 0 if os.environ.get("HITRATE_TEST_URL") else 2 * min(os.cpu_count() or 1, 8)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Endpoint:
    """The server of most tests: that of ``$HITRATE_TEST_URL``, else a throwaway one for the whole session."""
    if url := os.environ.get("HITRATE_TEST_URL"):
        return Endpoint(url)
    found: Server = request.getfixturevalue("hitrate_server")
    return found


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """`throwaway_server` as a function: every server it started ends with the test."""
    if find_server() is None:
        pytest.skip(NO_SERVER)
    with ExitStack() as servers:
        yield lambda **options: servers.enter_context(throwaway_server(**options))


@pytest.fixture
def own_server(start_server: Callable[..., Server]) -> Server:
    """A server that the test may stop, kill or flush: never an external one."""
    return start_server(unixsocket=True)


@pytest.fixture
def prefix(request: pytest.FixtureRequest, server: Endpoint) -> str:
    """A key prefix that no other test has; what stands under it is removed before the test."""
    name = re.sub(r"[^A-Za-z0-9_]", "-", request.node.name)[:60]
    found = f"test-{name}-{uuid.uuid5(uuid.NAMESPACE_URL, request.node.nodeid).hex[:8]}"
    for key in server.execute("KEYS", f"{found}*"):
        server.execute("DEL", key)
    return found


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request: pytest.FixtureRequest) -> int:
    """Version of the wire protocol: the test runs once with each."""
    found: int = request.param
    return found


@pytest.fixture
def make_cache(server: Endpoint, prefix: str) -> Iterator[Callable[..., hitrate.Cache]]:
    """Make caches on the test's server and prefix, pickling and raising unless told otherwise, and close them all."""
    with ExitStack() as caches:

        def make(url: str | None = None, **options: Any) -> hitrate.Cache:
            options = {"prefix": prefix, "serializer": "pickle", "on_error": "raise", **options}
            cache = hitrate.Cache(url or server.url, **options)
            caches.callback(cache.close)
            return cache

        yield make


needs_redis_cli = pytest.mark.skipif(
    shutil.which("redis-cli") is None, reason="redis-cli is not installed, which documents use by hand"
)


@pytest.fixture
def cache(server: Endpoint, prefix: str) -> Iterator[hitrate.Cache]:
    """A cache as a user gets it, with pickle."""
    found = hitrate.Cache(server.url, prefix=prefix, serializer="pickle")
    yield found
    found.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that signs what TLS tests need."""
    return trustme.CA()
