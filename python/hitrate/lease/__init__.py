"""
One rebuild per key, no stale fill, stale answers meanwhile.

What to do on a miss is written once, in `obtain`, as a generator that says what it wants done; `run()` does that for
threads and greenlets, `hitrate.lease.tasks.arun()` for tasks of an event loop. The server sees to it that one process
of the fleet rebuilds (a lease in the entry's own key, see docs/design/entries.md), a `Flight` that one thread or task
of this process does.
"""

from __future__ import annotations

from hitrate.lease.drive import run
from hitrate.lease.original import OriginalPlace, Rebuilt
from hitrate.lease.place import MAX_HEADERS, MAX_TAGS, Place, Response, Times
from hitrate.lease.reading import Reads
from hitrate.lease.rules import Forward, Found, Made, Rules

__all__ = [
    "MAX_HEADERS",
    "MAX_TAGS",
    "Forward",
    "Found",
    "Made",
    "OriginalPlace",
    "Place",
    "Reads",
    "Rebuilt",
    "Response",
    "Rules",
    "Times",
    "run",
]
