"""What all processes of a run see: which writes and losses were acknowledged, and what readers found."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CELL_BYTES = 8


@dataclass(frozen=True)
class Shape:
    """
    How large a run is.

    Attributes:
        keys: that are counted in.
        writers: processes; each writes keys of its own.
        readers: processes.
        staleness: seconds, of the local caches and for the judgement.
    """

    keys: int = 1000
    writers: int = 4
    readers: int = 8
    staleness: float = 0.25


class Board:
    """
    Cells in a file that processes map into their memory.

    Every cell has one writer, and is aligned, so that it is read whole and no lock is needed.
    """

    def __init__(self, path: Path, shape: Shape) -> None:
        size = CELL_BYTES * (4 * shape.keys + 4 * shape.readers + 2)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            cells = memoryview(mmap.mmap(file.fileno(), size)).cast("q")
        self._end, self._losses = cells[-1:], cells[-2:-1]
        # By key, the highest count: whose write was begun, and acknowledged; that was surely there, and perhaps, before
        # the server lost everything, as it has said.
        self.begun, self.written, self.lost, self.perhaps_lost = (
            cells[row * shape.keys : (row + 1) * shape.keys] for row in range(4)
        )
        rest = cells[4 * shape.keys :]
        # By reader: reads, those answered locally, answers that were too old, children that were forked.
        self.reads, self.local, self.stale, self.forks = (
            rest[column * shape.readers : (column + 1) * shape.readers] for column in range(4)
        )

    @contextmanager
    def losing(self) -> Iterator[None]:
        """The server loses everything within the block, and has said so at its end."""
        self._losses[0] += 1
        before = self.written.tolist()
        yield
        begun = self.begun.tolist()
        for key, count in enumerate(before):
            self.lost[key], self.perhaps_lost[key] = count, begun[key]
        self._losses[0] += 1

    @property
    def losses(self) -> int:
        """How often it did, twice; odd while it does."""
        return self._losses[0]

    @property
    def has_ended(self) -> bool:
        """Whether all are to come to an end."""
        return bool(self._end[0])

    def end(self) -> None:
        """Let all come to an end."""
        self._end[0] = 1
