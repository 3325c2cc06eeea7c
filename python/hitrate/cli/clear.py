"""``hitrate clear``: delete what matches, after asking."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice

from hitrate.cli import exits
from hitrate.cli.session import Session
from hitrate.cli.timing import counted

BATCH = 500


def clear(run: Session) -> int:
    """Count the keys that match, ask, and delete them in steps, so that the server is never held up."""
    pattern = f"{run.cache.make_key('')}{run.options.pattern}"
    matching = f"'{pattern}' at {run.target.address}"
    with run.output.progress("counting keys", None) as advance:
        count = 0
        for _ in run.cache.iter_keys(run.options.pattern):
            count += 1
            advance(1)
    deleted = None
    if count and not run.options.dry_run:
        refused = _refused(run, count, matching)
        if refused is not None:
            return refused
        deleted = _delete(run, count)
    if run.options.json:
        found = {"address": run.target.address, "pattern": pattern, "matching": count, "deleted": deleted or 0}
        run.output.json(found)
    elif deleted is None:
        run.output.line(f"{counted(count, 'key')} match {matching}")
    else:
        run.output.line(f"{counted(deleted, 'key')} deleted that matched {matching}")
    return exits.FINE


def _refused(run: Session, count: int, matching: str) -> int | None:
    """Ask, unless told not to; return the exit code if nobody agreed."""
    if run.options.yes:
        return None
    if not sys.stdin.isatty():
        run.output.complain(
            f"hitrate clear: {counted(count, 'key')} match {matching}; nobody is here to ask: say --yes"
        )
        return exits.USAGE
    if run.output.ask(f"delete {counted(count, 'key')} that match {matching}?"):
        return None
    run.output.line("nothing was deleted")
    return exits.WARNING


def _delete(run: Session, count: int) -> int:
    with run.output.progress("deleting keys", count) as advance:
        deleted = 0
        for batch in _batches(run.cache.iter_keys(run.options.pattern)):
            deleted += run.cache.delete_many(batch) or 0
            advance(len(batch))
        # Keys that are no UTF-8 cannot be named one by one.
        return deleted + (run.cache.delete_pattern(run.options.pattern) or 0)


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(keys, BATCH)):
        yield batch
