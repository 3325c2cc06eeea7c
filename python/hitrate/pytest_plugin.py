"""pytest fixtures over `hitrate.testing`; installed with hitrate, so that projects that use it can ask for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitrate.testing import NO_SERVER, Server, find_server, throwaway_server


@pytest.fixture(scope="session")
def hitrate_server() -> Iterator[Server]:
    """A throwaway Redis or Valkey that lives as long as the test session (one per xdist worker); skips without one."""
    if find_server() is None:
        pytest.skip(NO_SERVER)
    with throwaway_server(unixsocket=True) as server:
        yield server
