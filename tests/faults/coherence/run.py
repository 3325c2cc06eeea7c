"""One run: the processes, the storm, and what came of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hitrate.testing import Server
from tests.faults.coherence.board import Board, Shape
from tests.faults.coherence.storm import Storm
from tests.faults.proxy import Proxy

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Report:
    """
    What a run came to.

    Attributes:
        seed: of all choices.
        reads: by all readers and their children.
        local: answered from local caches; those of children are not among them.
        stale: answers that were older than promised.
        forks: children that read.
        writes: acknowledged.
        happened: how often what happened.
    """

    seed: int
    reads: int
    local: int
    stale: int
    forks: int
    writes: int
    happened: dict[str, int]


@contextmanager
def processes(commands: list[list[str]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run these programs of ours while the block lasts; they end by themselves, or are ended."""
    begun: list[subprocess.Popen[bytes]] = []
    try:
        begun.extend(subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT) for command in commands)
        yield begun
        for process in begun:
            assert process.wait(timeout=60) == 0, f"{process.args} has failed"
    finally:
        for process in begun:
            if process.poll() is None:
                process.kill()
                process.wait()


def run(
    server: Server,
    proxy: Proxy,
    path: Path,
    seed: int,
    *,
    seconds: float,
    reads: int = 0,
    reader: str = "tests.faults.coherence.reader",
    blow: bool = True,
) -> Report:
    """
    Let writers, readers and the storm loose.

    Args:
        server: that they use.
        proxy: through which every second reader uses it.
        path: where the board will be.
        seed: of all choices.
        seconds: how long, at least; less when a stale answer was seen.
        reads: go on until so many were answered locally.
        reader: the readers' program.
        blow: whether there is a storm.
    """
    shape = Shape()
    board = Board(path, shape)
    writing = [
        ["tests.faults.coherence.writer", server.url, str(path), str(number), str(seed + number)]
        for number in range(shape.writers)
    ]
    urls = [proxy.url if number % 2 else server.url for number in range(shape.readers)]
    reading = [[reader, url, str(path), str(number), str(seed + 100 + number)] for number, url in enumerate(urls)]
    with processes(writing), processes(reading) as readers:
        storm = Storm(server, proxy, readers, board, seed)
        end = time.monotonic() + seconds
        try:
            while (time.monotonic() < end or sum(board.local) < reads) and not any(board.stale):
                if blow:
                    storm.blow(min(seconds, 1))
                else:
                    time.sleep(0.1)
        finally:
            board.end()
    return Report(
        seed=seed,
        reads=sum(board.reads),
        local=sum(board.local),
        stale=sum(board.stale),
        forks=sum(board.forks),
        writes=sum(board.written),
        happened=storm.happened,
    )
