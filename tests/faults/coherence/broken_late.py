"""A reader whose copies live longer than promised: broken on purpose."""

from __future__ import annotations

import sys
from pathlib import Path

import hitrate
from tests.faults.coherence.board import Board, Shape
from tests.faults.coherence.reader import Reader

LONGER = 4


def main(url: str, path: str, number: int, seed: int) -> None:
    """Read until the run ends."""
    shape = Shape()
    board = Board(Path(path), shape)
    local = hitrate.Local(max_staleness=shape.staleness * LONGER, tracking=False)
    cache = hitrate.Cache(url, prefix="coherence", serializer="pickle", local=local)
    reader = Reader(cache.get, board, shape, number, seed)
    while not board.has_ended:
        reader.batch()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
