"""What happens to server, network and processes while they write and read."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from subprocess import Popen

from hitrate.testing import Server
from tests.faults.coherence.board import Board
from tests.faults.proxy import Proxy, healthy, swallow


class Storm:
    """Chooses by chance, one thing after the other; everything is mended before the next."""

    def __init__(self, server: Server, proxy: Proxy, readers: Sequence[Popen[bytes]], board: Board, seed: int) -> None:
        self._server, self._proxy, self._readers, self._board = server, proxy, readers, board
        self._chance = random.Random(seed)
        self._kinds: list[Callable[[], None]] = [
            self.kill_listeners,
            self.kill_listeners,
            self.stop_server,
            self.restart_server,
            self.flush,
            self.swallow,
            self.cut,
            self.stop_reader,
            self.stop_reader,
        ]
        self.happened: dict[str, int] = {}

    def blow(self, seconds: float) -> None:
        """Let things happen for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not any(self._board.stale):
            time.sleep(self._chance.uniform(0.05, 0.6))
            kind = self._chance.choice(self._kinds)
            kind()
            self.happened[kind.__name__] = self.happened.get(kind.__name__, 0) + 1

    def kill_listeners(self) -> None:
        """The server closes the connections on which it says what is written."""
        self._server.execute("CLIENT", "KILL", "TYPE", "pubsub")

    def stop_server(self) -> None:
        """The server hangs for a while."""
        self._server.stop()
        time.sleep(self._chance.uniform(0.1, 1.5))
        self._server.cont()

    def restart_server(self) -> None:
        """The server dies, and comes back with nothing."""
        with self._board.losing():
            self._server.kill()
            time.sleep(self._chance.uniform(0, 0.5))
            self._server.restart()

    def flush(self) -> None:
        """The database is emptied."""
        with self._board.losing():
            self._server.execute("FLUSHDB")

    def swallow(self) -> None:
        """The network takes everything and delivers nothing, for those behind the proxy."""
        self._proxy.fault = swallow
        time.sleep(self._chance.uniform(0.1, 1.5))
        self._proxy.fault = healthy
        # What was swallowed left holes in every stream: the connections cannot live on.
        self._proxy.cut()

    def cut(self) -> None:
        """All connections through the proxy are reset."""
        self._proxy.cut()

    def stop_reader(self) -> None:
        """A reader stands still for a while, wherever it is."""
        reader = self._chance.choice(self._readers)
        with suppress(ProcessLookupError):
            os.kill(reader.pid, signal.SIGSTOP)
            time.sleep(self._chance.uniform(0.05, 1.0))
            os.kill(reader.pid, signal.SIGCONT)
