"""Writers, readers, and a writer that is killed."""

from __future__ import annotations

import os
import random
import signal
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction

from tests.faults.fills import site
from tests.faults.fills.board import Board
from tests.faults.fills.pauses import here, pause
from tests.faults.fills.plan import Plan

# Stale answers that one reader names.
NAMED = 5


class Actor:
    """
    One writer or reader, in a thread of its own.

    Attributes:
        found: what it adds to the report.
    """

    def __init__(self, plan: Plan, board: Board, name: str, number: int) -> None:
        """
        Args:
            plan: of the run.
            board: of the run.
            name: ``"write"`` or ``"read"``.
            number: among those of the same name.
        """
        self.plan, self.board, self.name, self.number = plan, board, name, number
        self.found: dict[str, Any] = {"commits": 0, "reads": 0, "hits": 0, "stale": [], "errors": []}

    def run(self) -> None:
        """Do it until the run is over."""
        here.random = random.Random(f"{self.plan.seed} {self.name} {self.number}")
        step: Callable[[], None] = getattr(self, self.name)
        try:
            while not self.board.has_ended(self.name):
                step()
        except Exception:  # noqa: BLE001 (reported, and the test fails)
            self.found["errors"].append(f"{self.name} {self.number}: {traceback.format_exc()}")
        finally:
            connections.close_all()

    def write(self) -> None:
        """Raise a row, have it forgotten, and say so when that is done."""
        choices = here.random
        row = choices.randrange(self.plan.rows)
        forget = choices.choice(forgets(self.plan))
        at_commit = choices.random() < 0.8
        delay_commits()
        with transaction.atomic():
            version = site.advance(row)
            if at_commit:
                forget(row)
            pause()
        if not at_commit:
            pause()
            forget(row)
        self.board.forgot(self.number, row, version)
        self.found["commits"] += 1
        pause()

    def read(self) -> None:
        """Read a row through the cache: it may not be older than what was known before."""
        row = here.random.randrange(self.plan.rows)
        reads = site.UNGUARDED if self.plan.guard == "no lease" else site.READS
        way = here.random.choice(list(reads))
        queries, floor = site.here.queries, self.board.floor(row)
        version = reads[way](row)
        self.found["reads"] += 1
        self.found["hits"] += queries == site.here.queries
        if version < floor:
            self.board.saw_stale(self.number)
            if len(self.found["stale"]) < NAMED:
                self.found["stale"].append(f"'{way}' gave version {version} of row {row}, known to be {floor}")


def forgets(plan: Plan) -> tuple[Callable[[int], None], ...]:
    """The ways to forget a row."""
    return site.FORGETS_UNGUARDED if plan.guard == "no lease" else site.FORGETS


def delay_commits() -> None:
    """Let time pass between a commit and what comes after it in this thread."""

    def delayed(commit: Callable[[], None]) -> None:
        commit()
        pause()

    _after_commit(delayed)


def die_after_commit(plan: Plan, board: Board, seed: int) -> None:
    """Be a writer whose process is killed when its transaction is committed and nothing is forgotten yet."""
    here.random = random.Random(f"{plan.seed} killed {seed}")
    row = here.random.randrange(plan.rows)

    def last(commit: Callable[[], None]) -> None:
        commit()
        os.kill(os.getpid(), signal.SIGKILL)

    # Something to be left behind.
    site.kept(row)
    _after_commit(last)
    with transaction.atomic():
        board.orphan(row, site.advance(row))
        here.random.choice(forgets(plan))(row)


def _after_commit(commits: Callable[[Callable[[], None]], None]) -> None:
    """Commit this thread's transactions by that function; before hitrate does, whose own step then comes after it."""
    connection: Any = connections["default"]
    if "commit" not in vars(connection):
        commit = connection.commit
        connection.commit = lambda: commits(commit)
