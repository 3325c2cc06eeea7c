"""
No local copy is served later than `max_staleness` after an acknowledged write, whatever happens.

4 processes write counters, 8 read them through local caches, and meanwhile listeners are killed, the server is
stopped, killed, restarted and flushed, the network swallows bytes, and readers are stopped and fork. ``HITRATE_SOAK``
says for how many seconds (at least 10 million local reads then), ``HITRATE_SEED`` repeats the random choices of a run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from hitrate.testing import Server
from tests.faults.coherence.run import run
from tests.faults.proxy import Proxy, corrupt

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="readers fork")

SOAK = float(os.environ.get("HITRATE_SOAK") or 0)
SECONDS = SOAK or 60.0
LOCAL_READS = 10_000_000 if SOAK else 500_000
# A broken cache is found out within a few seconds.
SECONDS_BROKEN = 60.0


@pytest.fixture
def seed() -> int:
    """Another one every time, unless ``$HITRATE_SEED`` says which; reports have it."""
    return int(os.environ.get("HITRATE_SEED") or random.randrange(1 << 32))


def test_no_read_is_older_than_promised(own_server: Server, proxy: Proxy, tmp_path: Path, seed: int) -> None:
    report = run(own_server, proxy, tmp_path / "board", seed, seconds=SECONDS, reads=LOCAL_READS)
    assert report.stale == 0, report
    assert report.local >= LOCAL_READS, report
    # Otherwise nothing was shown.
    assert len(report.happened) >= 6, report
    assert report.forks > 0, report
    assert report.writes > 1000, report


@pytest.mark.parametrize("variant", ["late", "sticky"])
def test_the_test_finds_broken_readers(
    own_server: Server, proxy: Proxy, tmp_path: Path, seed: int, variant: str
) -> None:
    program = f"tests.faults.coherence.broken_{variant}"
    report = run(own_server, proxy, tmp_path / "board", seed, seconds=SECONDS_BROKEN, reader=program, blow=False)
    assert report.stale > 0, report


def test_the_test_finds_a_server_that_does_not_say_what_is_written(
    own_server: Server, proxy: Proxy, tmp_path: Path, seed: int
) -> None:
    # As long as before, so that the rest of the stream is read as it was: the word is not understood.
    proxy.fault = corrupt(lambda data: data.replace(b"invalidate", b"INVALIDATE"))
    report = run(own_server, proxy, tmp_path / "board", seed, seconds=SECONDS_BROKEN, blow=False)
    assert report.stale > 0, report
