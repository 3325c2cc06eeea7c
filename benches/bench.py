"""What a case is, and what it is given: a server, clients, and how long a sample lasts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bars import Bar
from harness import Measure
from peers import PEERS, Client

from hitrate.testing import Endpoint

_numbers = itertools.count(1)


@dataclass
class Bench:
    """
    One run of the comparison.

    Attributes:
        url: the server, as ``redis://host:port/database``.
        unix_url: the same server by unix socket, or None.
        pid: the server's process if it is ours to pin and to account for, or None.
        seconds: how long a sample of a closed loop lasts.
        quick: smaller data sets, to try the cases themselves.
    """

    url: str
    unix_url: str | None
    pid: int | None
    seconds: float
    quick: bool
    prefix: str = "hitrate-bench"
    _clients: dict[tuple[str, str], tuple[Client, str]] = field(default_factory=dict)

    def client(self, name: str, url: str | None = None) -> Client:
        """A client of that contender, kept for the whole run, with a key prefix of its own."""
        return self._open(name, url or self.url)[0]

    def prefix_of(self, name: str, url: str | None = None) -> str:
        """The key prefix of that client."""
        return self._open(name, url or self.url)[1]

    def server(self) -> Endpoint:
        """The server, without any client library."""
        return Endpoint(self.url)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 6379

    def _open(self, name: str, url: str) -> tuple[Client, str]:
        if (name, url) not in self._clients:
            prefix = f"{self.prefix}-{next(_numbers)}"
            self._clients[name, url] = (PEERS[name].open(url, prefix), prefix)
        return self._clients[name, url]


@dataclass(frozen=True)
class Case:
    """
    One row of the comparison.

    Attributes:
        name: for ``--only``.
        title: what is done, for readers.
        contenders: names in `peers.PEERS`, or the case's own names in `extra`.
        columns: what a sample holds; the first is what the README's table shows.
        bars: what must hold.
        run: sets the case up, yields the function that takes one sample of a contender, and cleans up.
        why_skipped: tells why this case cannot run here, or None.
    """

    name: str
    title: str
    contenders: tuple[str, ...]
    columns: tuple[str, ...]
    run: Callable[[Bench], AbstractContextManager[Measure]]
    bars: tuple[Bar, ...] = ()
    extra: tuple[str, ...] = ()
    why_skipped: Callable[[Bench], str | None] = field(default=lambda _bench: None)

    def available(self) -> tuple[list[str], dict[str, str]]:
        """The contenders that can take part, and why the others cannot."""
        reasons = {name: None if name in self.extra else PEERS[name].why_missing for name in self.contenders}
        return [n for n, why in reasons.items() if why is None], {n: why for n, why in reasons.items() if why}


def bound(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """A call without arguments; a closure costs less than `functools.partial` with keywords, and the same for all."""
    return lambda: function(*args)
