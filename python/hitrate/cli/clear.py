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
    matching = f"'{run.cache.make_key('')}{run.options.pattern}' at {run.target.address}"
    with run.output.progress("counting keys", None) as advance:
        count = 0
        for _ in run.cache.iter_keys(run.options.pattern):
            count += 1
            advance(1)
    if run.options.dry_run or not count:
        run.output.line(f"{counted(count, 'key')} match {matching}")
        return exits.FINE
    if not run.options.yes:
        if not sys.stdin.isatty():
            run.output.complain(
                f"hitrate clear: {counted(count, 'key')} match {matching}; nobody is here to ask: say --yes"
            )
            return exits.USAGE
        if not run.output.ask(f"delete {counted(count, 'key')} that match {matching}?"):
            run.output.line("nothing was deleted")
            return exits.WARNING
    with run.output.progress("deleting keys", count) as advance:
        deleted = 0
        for batch in _batches(run.cache.iter_keys(run.options.pattern)):
            deleted += run.cache.delete_many(batch) or 0
            advance(len(batch))
        # Keys that are no UTF-8 cannot be named one by one.
        deleted += run.cache.delete_pattern(run.options.pattern) or 0
    run.output.line(f"{counted(deleted, 'key')} deleted that matched {matching}")
    return exits.FINE


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(keys, BATCH)):
        yield batch
