"""Numbers that all processes of a run see."""

from __future__ import annotations

import mmap

from tests.faults.fills.plan import Plan

CELL_BYTES = 8


class Board:
    """
    Cells in memory that forked children share.

    Every cell has one writer, and is aligned, so that it is read whole and no lock is needed.
    """

    def __init__(self, plan: Plan) -> None:
        self._rows, self._writers = plan.rows, plan.writers
        self._commits = plan.writers * plan.rows
        self._stale = self._commits + plan.writers
        self._orphans = self._stale + plan.readers
        self._ended = self._orphans + plan.rows
        self._cells = memoryview(mmap.mmap(-1, CELL_BYTES * (self._ended + 2))).cast("q")

    def forgot(self, writer: int, row: int, version: int) -> None:
        """Say that a writer has committed this version, and whatever is older was forgotten."""
        self._cells[writer * self._rows + row] = version
        self._cells[self._commits + writer] += 1

    def floor(self, row: int) -> int:
        """The newest version of a row that was committed and is known to whoever reads from now on."""
        return max(self._cells[writer * self._rows + row] for writer in range(self._writers))

    @property
    def commits(self) -> int:
        """How many were done, invalidation included."""
        return sum(self._cells[self._commits : self._stale])

    def saw_stale(self, reader: int) -> None:
        """Count an answer that was too old."""
        self._cells[self._stale + reader] += 1

    @property
    def is_stale_seen(self) -> bool:
        """Whether a reader was given one."""
        return any(self._cells[self._stale : self._orphans])

    def orphan(self, row: int, version: int) -> None:
        """Say that a writer is to be killed when it has committed this version."""
        self._cells[self._orphans + row] = version

    def orphaned(self, row: int) -> int:
        """The last version of a row whose writer was to be killed; 0: none was."""
        return self._cells[self._orphans + row]

    def end(self, name: str) -> None:
        """Let those come to an end who do this: ``"write"`` or ``"read"``."""
        self._cells[self._ended + (name == "read")] = 1

    def has_ended(self, name: str) -> bool:
        """Whether those who do this are to come to an end."""
        return bool(self._cells[self._ended + (name == "read")])
