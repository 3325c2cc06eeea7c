"""One suite for both forms of every verb, the blocking one and its `a` twin, and for every store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerResponseError
from hitrate.testing import Endpoint
from tests.integration.entries import Entries, MakeEntries
from tests.integration.forms import Canary

MakeCache = Callable[..., hitrate.Cache]
"""What the fixture `make_cache` is."""
# No test here is about a server that is late, and a busy machine may be.
PATIENCE = 5.0


class Verbs:
    """
    The verbs of a cache (or lock) as coroutines: of the blocking ones, or of their `a` twins.

    A test written once with ``await verbs.get(...)`` so holds for both.
    """

    def __init__(self, target: Any, *, twins: bool) -> None:
        self._target = target
        self._twins = twins

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **options: Any) -> Any:
            if self._twins:
                return await getattr(self._target, f"a{verb}")(*args, **options)
            return getattr(self._target, verb)(*args, **options)

        return call

    async def iter_keys(self, *args: Any, **options: Any) -> list[str]:
        """Read an iterator to its end."""
        if self._twins:
            return [key async for key in self._target.aiter_keys(*args, **options)]
        return list(self._target.iter_keys(*args, **options))

    def lock(self, *args: Any, **options: Any) -> Verbs:
        """Make a lock, with the same form of verbs."""
        return Verbs(self._target.lock(*args, **options), twins=self._twins)


MakeVerbs = Callable[..., Verbs]
"""What the fixture `make_verbs` is."""


class Embedded(Endpoint):
    """An embedded store, asked as a server is."""

    def execute(self, *args: bytes | str | float, timeout: float = 5.0) -> Any:
        try:
            reply = hitrate.Cache(self.url, timeout=timeout).execute(*args)
        except ServerResponseError as refusal:
            if "unknown command" in str(refusal):
                pytest.skip(f"an embedded store has no {args[0]!r}")
            raise
        return reply.encode() if isinstance(reply, str) else reply


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with every version of the protocol they ask for, and, in modules that say so, on every store."""
    stores = ["resp2", "resp3"] if "protocol" in metafunc.fixturenames else ["resp3"]
    if getattr(metafunc.module, "ON_EVERY_STORE", False) and "own_server" not in metafunc.fixturenames:
        stores.append("memory")
    if "store" in metafunc.fixturenames:
        metafunc.parametrize("store", stores, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """What stores the values: a server, with a version of the protocol, or this process."""
    return str(request.param)


@pytest.fixture
def server(server: Endpoint, store: str) -> Endpoint:
    """The server of most tests, or what stands for it."""
    return Embedded("memory://tests") if store == "memory" else server


@pytest.fixture
def protocol(store: str) -> int:
    """Version of the wire protocol."""
    return 2 if store == "resp2" else 3


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def twins(request: pytest.FixtureRequest) -> bool:
    """Whether the test uses the `a` twins."""
    found: bool = request.param
    return found


@pytest.fixture
def make_verbs(make_cache: Callable[..., hitrate.Cache], twins: bool) -> Callable[..., Verbs]:
    """`make_cache`, seen through `Verbs`."""

    def make(url: str | None = None, **options: Any) -> Verbs:
        return Verbs(make_cache(url, **options), twins=twins)

    return make


@pytest.fixture
def verbs(make_verbs: Callable[..., Verbs], protocol: int) -> Verbs:
    """A pickling, raising cache in all four variants: blocking and not, RESP2 and RESP3."""
    return make_verbs(protocol=protocol, timeout=PATIENCE)


@pytest.fixture
def make_entries(make_cache: Callable[..., hitrate.Cache], twins: bool, protocol: int) -> MakeEntries:
    """`make_cache`, seen through `Entries`."""

    def make(**options: Any) -> Entries:
        return Entries(make_cache(**{"protocol": protocol, "timeout": PATIENCE, **options}), twins=twins)

    return make


@pytest.fixture
def entries(make_entries: MakeEntries) -> Entries:
    """As `verbs`, for entries."""
    return make_entries()


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "executed")
