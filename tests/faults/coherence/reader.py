"""A reader: reads through a local cache, and compares every answer with what it has to be at least."""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hitrate
from hitrate.exceptions import ServerError
from tests.faults.coherence.board import Board, Shape

BATCH = 200
# Seconds between two looks at the board: by so much more than promised an answer may be late and not be noticed.
LOOK = 0.005
CHILD_LIVES = 0.5

Read = Callable[[str], Any]


class Judge:
    """Knows what was acknowledged longer ago than an answer may be old."""

    def __init__(self, board: Board, shape: Shape) -> None:
        self._board, self._staleness = board, shape.staleness
        self._looks: deque[tuple[float, list[int], list[int]]] = deque()

    def floors(self) -> tuple[list[int], list[int]]:
        """The counts of `Board.written` and `Board.lost` that every read which begins now has to know."""
        now = time.monotonic()
        looks = self._looks
        if not looks or now - looks[-1][0] >= LOOK:
            looks.append((now, self._board.written.tolist(), self._board.lost.tolist()))
        while len(looks) > 1 and looks[1][0] <= now - self._staleness:
            looks.popleft()
        at, written, lost = looks[0]
        nothing = [0] * len(written)
        return (written, lost) if at <= now - self._staleness else (nothing, nothing)


class Reader:
    """One process that reads, and its children."""

    def __init__(self, read: Read, board: Board, shape: Shape, number: int, seed: int) -> None:
        self._read, self._board, self._number = read, board, number
        self._chance, self._judge = random.Random(seed), Judge(board, shape)
        self._keys = [f"k{key}" for key in range(shape.keys)]

    def batch(self) -> None:
        """Read some keys, and judge the answers."""
        losses = self._board.losses
        written, lost = self._judge.floors()
        chance, keys, read = self._chance.random, self._keys, self._read
        count = len(keys)
        for _ in range(BATCH):
            key = int(count * chance() ** 2)
            try:
                found = read(keys[key])
            except ServerError:
                # An open breaker answers at once, for as long as it is.
                time.sleep(0.001)
                continue
            if found is None:
                is_stale = self._is_known(key, written[key], losses)
            else:
                is_stale = found < written[key] or found <= lost[key]
            if is_stale:
                self._board.stale[self._number] += 1
                sys.stderr.write(f"reader {self._number}: {found} at k{key}, where {written[key]} was written\n")
        self._board.reads[self._number] += BATCH

    def _is_known(self, key: int, written: int, losses: int) -> bool:
        """Whether a count stands at a key: it was written, and nothing was lost since, as far as anybody knows."""
        return written > self._board.perhaps_lost[key] and losses % 2 == 0 and losses == self._board.losses

    def fork(self) -> None:
        """Let a child read for a while with what it inherits."""
        child = os.fork()
        if child == 0:
            self._board.forks[self._number] += 1
            until = time.monotonic() + CHILD_LIVES
            while time.monotonic() < until:
                self.batch()
            os._exit(0)
        os.waitpid(child, 0)


def main(url: str, path: str, number: int, seed: int, shape: Shape, make: Callable[[hitrate.Cache], Read]) -> None:
    """Read until the run ends; `make` makes of a cache what reads."""
    logging.disable(logging.CRITICAL)
    board = Board(Path(path), shape)
    local = hitrate.Local(max_staleness=shape.staleness, max_bytes=1 << 20, negative=True)
    # A miss must mean that there is nothing.
    cache = hitrate.Cache(url, prefix="coherence", serializer="pickle", timeout=0.2, on_error="raise", local=local)
    reader = Reader(make(cache), board, shape, number, seed)
    chance = random.Random(seed + 1)
    while not board.has_ended:
        reader.batch()
        board.local[number] = cache.stats()["local"]["hits"]
        if chance.random() < 0.003:
            reader.fork()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Shape(), lambda cache: cache.get)
