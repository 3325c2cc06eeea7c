"""What a run is to do, and what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tests.faults.conftest import PATIENCE, ROOT

Guard = Literal["on", "no lease", "no proof"]


@dataclass(frozen=True)
class Plan:
    """
    What a run is to do.

    Attributes:
        cache_url: of a server that may be flushed.
        database: Django's settings of it.
        snapshots: the same for those who read in a snapshot.
        seed: of every random choice; the order in which threads and processes run is chance all the same.
        commits: after which it ends.
        seconds: after which it ends in any case.
        processes: over which writers and readers are spread; with one, all are threads of it.
        guard: ``"no lease"`` fills by a plain ``set()``; ``"no proof"`` takes a snapshot to be as new as its lease.
            Both end at the first stale answer.
    """

    cache_url: str
    database: dict[str, Any]
    snapshots: dict[str, Any]
    seed: int
    commits: int
    seconds: float
    processes: int
    guard: Guard = "on"
    writers: int = 8
    readers: int = 16
    rows: int = 12


@dataclass
class Report:
    """
    What came of it.

    Attributes:
        commits: whose invalidation was done.
        reads: by the readers; `hits` of them were answered without a query.
        stale: answers older than an invalidation that was over when they were asked for, and entries left in the end
            that are not what the database holds; at most a few from every reader are named.
        errors: what writers and readers raised.
        left: entries in the cache in the end.
        killed: writers killed between commit and invalidation; `orphaned` entries are left that only these explain.
        evicted, flushed: keys and times.
        fills, voided: entries stored, and refused because somebody forgot them meanwhile.
    """

    commits: int = 0
    reads: int = 0
    hits: int = 0
    stale: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    left: int = 0
    killed: int = 0
    orphaned: int = 0
    evicted: int = 0
    flushed: int = 0
    fills: int = 0
    voided: int = 0

    def add(self, other: dict[str, Any]) -> None:
        """Add the counts and lists of a part of the run."""
        for name, value in other.items():
            setattr(self, name, getattr(self, name) + value)


def run(plan: Plan) -> Report:
    """Run it in an interpreter of its own, whose Django is set up for it."""
    command = [sys.executable, "-m", "tests.faults.fills.crew", json.dumps(asdict(plan))]
    limit = plan.seconds + 6 * PATIENCE
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, f"seed {plan.seed}: {done.stderr[-4000:]}"
    return Report(**json.loads(done.stdout))
