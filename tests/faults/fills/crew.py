"""
A run as a program: ``python -m tests.faults.fills.crew '{"seed": 1, ...}'``, which prints a `Report` as JSON.

This process starts those of the writers and readers, then evicts, flushes and kills until it is time to stop. It opens
no connection of its own before, for they are forked from it.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import re
import sys
import threading
import time
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

from django.core.cache import caches
from django.db import connections

from hitrate.testing import Endpoint
from tests.faults.fills import site
from tests.faults.fills.actors import Actor, die_after_commit
from tests.faults.fills.board import Board
from tests.faults.fills.plan import Plan, Report

CHILDREN = multiprocessing.get_context("fork")
# Between two things that happen, in seconds; every how many of them the server is flushed, or a writer killed.
PACE = 0.005
FLUSH_EVERY = 200
KILL_EVERY = 75
# The key of the time when something was forgotten by key or pattern.
FORGOTTEN = f"{site.PREFIX}:1:hitrate:forgotten"
# How long readers go on when nobody writes any more.
AFTERWARDS = 1.0
# Of an entry's key, its row; records of tags have no colon behind it.
ENTRY = re.compile(r"(?:pk=|row:)(\d+):")
LONGEST_MS = 1000 * (site.TIMEOUT + 1)


def main() -> None:
    """Do what the argument says."""
    plan = Plan(**json.loads(sys.argv[1]))
    site.configure(plan)
    if plan.guard == "no proof":
        _trust_snapshots()
    site.create_table(plan.rows)
    connections.close_all()
    board, report = Board(plan), Report()
    ends = [_start(plan, board, share) for share in _shares(plan, board)]
    try:
        _disturb(plan, board, report)
        board.end("write")
        # Whatever stale fill is still under way is made now, and stays.
        time.sleep(AFTERWARDS)
    finally:
        board.end("write")
        board.end("read")
    for child, end in ends:
        report.add(end.recv())
        child.join()
    if plan.guard == "on":
        # Nobody makes up for this one.
        _kill_a_writer(plan, board, report)
    _look_at_what_is_left(plan, board, report)
    site.drop_table()
    sys.stdout.write(json.dumps(asdict(report)))


def _trust_snapshots() -> None:
    """Break the guard: whatever a transaction reads is taken to be as new as its lease."""
    from hitrate.django.responses import visit

    visit.snapshot_risk = lambda: 0.0


def _shares(plan: Plan, board: Board) -> list[list[Actor]]:
    """Who runs in which process."""
    writers = [Actor(plan, board, "write", number) for number in range(plan.writers)]
    readers = [Actor(plan, board, "read", number) for number in range(plan.readers)]
    return [(writers + readers)[first :: plan.processes] for first in range(plan.processes)]


def _start(plan: Plan, board: Board, share: list[Actor]) -> tuple[Any, Connection]:
    receiver, sender = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=_run, args=(share, sender), daemon=True)
    child.start()
    # Else the end of the child would not be the end of the pipe.
    sender.close()
    return child, receiver


def _run(share: list[Actor], sender: Connection) -> None:
    """Be a process with these in its threads."""
    threads = [threading.Thread(target=actor.run) for actor in share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = Report()
    for actor in share:
        total.add(actor.found)
    stats = site.client().stats()
    total.add({"fills": stats["fills"], "voided": stats["voided_fills"]})
    sender.send(asdict(total))


def _disturb(plan: Plan, board: Board, report: Report) -> None:
    """Evict, flush and kill until the run is over."""
    server, choices = Endpoint(plan.cache_url), random.Random(f"{plan.seed} disturb")
    until = time.monotonic() + plan.seconds
    for number in itertools.count(1):
        is_over = board.commits >= plan.commits or time.monotonic() >= until
        if is_over or (plan.guard != "on" and board.is_stale_seen):
            return
        time.sleep(choices.expovariate(1 / PACE))
        if number % FLUSH_EVERY == 0:
            server.execute("FLUSHDB", choices.choice(["SYNC", "ASYNC"]))
            report.flushed += 1
        elif number % KILL_EVERY == 0 and plan.guard == "on":
            _kill_a_writer(plan, board, report)
        # An entry, a lease, the record of a tag, or that of what was forgotten, which alone stands for many.
        elif key := FORGOTTEN if choices.random() < 0.2 else server.execute("RANDOMKEY"):
            report.evicted += server.execute(choices.choice(["DEL", "UNLINK"]), key)


def _kill_a_writer(plan: Plan, board: Board, report: Report) -> None:
    child = CHILDREN.Process(target=die_after_commit, args=(plan, board, report.killed), daemon=True)
    child.start()
    child.join()
    assert child.exitcode == -9, f"the writer was to be killed, and ended with {child.exitcode}"
    report.killed += 1


def _look_at_what_is_left(plan: Plan, board: Board, report: Report) -> None:
    """Compare every entry with the database, now that nobody writes."""
    versions = {row: site.version_of(row) for row in range(plan.rows)}
    for key in site.client().iter_keys("*"):
        match = ENTRY.search(key)
        version = None if match is None else _stored(key, int(match[1]))
        if match is None or version is None:
            continue
        report.left += 1
        row = int(match[1])
        if not 0 < site.client().pttl(key) <= LONGEST_MS:
            report.errors.append(f"'{key}' lives for {site.client().pttl(key)} ms more: nothing bounds how old it gets")
        if version == versions[row]:
            continue
        if versions[row] == board.orphaned(row) and version >= board.floor(row):
            report.orphaned += 1
        else:
            report.stale.append(f"'{key}' has version {version} of row {row} in the end, the database {versions[row]}")


def _stored(key: str, row: int) -> int | None:
    """The version in the cache; None: somebody's lease, or what would be served to nobody."""
    if key == site.unguarded_key(row):
        return caches["default"].get(key)
    entry = site.client()._entry(key, ["rows", f"row:{row}"])
    if entry is None:
        return None
    return int(entry.body) if entry.status else int(entry.value)


if __name__ == "__main__":
    main()
