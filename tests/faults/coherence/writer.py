"""A writer: counts in its keys, one after the other, and says which counts the server has acknowledged."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import hitrate
from hitrate.exceptions import ServerError
from tests.faults.coherence.board import Board, Shape


def main(url: str, path: str, number: int, seed: int, shape: Shape) -> None:
    """Write until the run ends."""
    board, chance = Board(Path(path), shape), random.Random(seed)
    cache = hitrate.Cache(url, prefix="coherence", serializer="pickle", on_error="raise", timeout=0.5)
    mine = range(number, shape.keys, shape.writers)
    while not board.has_ended:
        # Few keys are written often, so that readers hold some for long, and others are written under their hands.
        key = mine[int(len(mine) * chance.random() ** 3)]
        board.begun[key] += 1
        try:
            if cache.set(f"k{key}", board.begun[key], 3600):
                board.written[key] = board.begun[key]
        except ServerError:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.004))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Shape())
