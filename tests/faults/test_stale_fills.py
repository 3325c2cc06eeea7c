"""
No stale fill: a read that began after an invalidation was over gets nothing older than what was committed before it.

What `tests.faults.fills` does, on real databases. ``HITRATE_COMMITS`` says how many commits are made on each of them,
half by threads and half by processes; ``HITRATE_SEED`` repeats the random choices of a run.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitrate.testing import Server
from tests.faults.fills.plan import Guard, Plan, Report, run
from tests.postgresql import NO_POSTGRESQL, postgresql

COMMITS = int(os.environ.get("HITRATE_COMMITS") or 5000) // 2
# Enough for a machine that makes 125 commits in a second; a slower one makes fewer, and says how many.
SECONDS = COMMITS / 125
# With a guard off the first stale answer ends the run, mostly within a second.
SECONDS_WITHOUT = 60.0
PROCESSES = {"threads": 1, "processes": 24}
REPEATABLE_READ = 3

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the actors are forked")


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[dict[str, Any] | None]:
    with postgresql() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Django's settings of a database: as writers have it, and as those have it who read in snapshots."""
    if request.param == "sqlite":
        shared = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;", "timeout": 60}
        found = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "rows.sqlite3")}
        writing, reading = {"transaction_mode": "IMMEDIATE", **shared}, shared
    else:
        pytest.importorskip("psycopg", reason="psycopg is not installed; it is in the dependency group 'test'")
        found = request.getfixturevalue("_postgresql")
        if found is None:
            pytest.skip(NO_POSTGRESQL)
        writing, reading = {}, {"isolation_level": REPEATABLE_READ}
    return {"database": {**found, "OPTIONS": writing}, "snapshots": {**found, "OPTIONS": reading}}


@pytest.fixture
def plan(databases: dict[str, Any], own_server: Server) -> Callable[..., Plan]:
    """A plan with a seed of its own: ``$HITRATE_SEED``, else another one every time."""
    seed = int(os.environ.get("HITRATE_SEED") or random.randrange(1 << 32))
    return lambda **others: Plan(own_server.url, seed=seed, **databases, **others)


@pytest.mark.parametrize("actors", PROCESSES)
def test_no_answer_is_older_than_an_invalidation(
    plan: Callable[..., Plan], actors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plan(commits=COMMITS, seconds=SECONDS, processes=PROCESSES[actors])
    report = run(made)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {made.seed}: {said(report, made)}\n")
    assert (report.stale, report.errors) == ([], []), f"seed {made.seed}"
    # Else nothing was put to the test.
    assert report.commits > 0
    assert 0 < report.hits < report.reads
    assert report.fills > 0
    assert report.voided > 0
    assert report.evicted > 0
    assert report.orphaned > 0
    assert report.left > report.orphaned


@pytest.mark.parametrize("guard", ["no lease", "no proof"])
def test_without_a_guard_stale_answers_are_found(plan: Callable[..., Plan], guard: Guard) -> None:
    made = plan(commits=1 << 30, seconds=SECONDS_WITHOUT, processes=1, guard=guard)
    report = run(made)
    assert report.errors == [], f"seed {made.seed}"
    assert report.stale != [], f"seed {made.seed}: {said(report, made)}"


def said(report: Report, plan: Plan) -> str:
    """What happened, for people."""
    fewer = f" (of {plan.commits}: the time of {plan.seconds:g} s was over)" if report.commits < plan.commits else ""
    return (
        f"{report.commits} commits{fewer}; {report.reads} reads, {report.hits} hits, {len(report.stale)} stale; "
        f"{report.fills} fills, {report.voided} voided; {report.evicted} keys evicted, {report.flushed} flushes; "
        f"{report.left} entries in the end; {report.killed} writers killed, {report.orphaned} entries left by them"
    )
