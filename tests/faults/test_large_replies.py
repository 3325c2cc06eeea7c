"""
Large replies, all of which may have left the socket before the client has read them: no wait for the socket may follow.

A server of our own sends each reply in one piece, in sizes that take every number of reads, and other work gives it
the time to. A greenlet that waits for what has come already does so until its deadline, which is longer here than
`run_python` allows; a thread does so for a tenth of a second only, until it looks for signals.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

import pytest
import trustme

from tests.faults.conftest import run_python
from tests.faults.proxy import HOST, server_context

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="not supported on Windows")

SIZE = 4000
READ = """
import sys, time
sleep = time.sleep
if sys.argv[1] == "greenlet":
    import gevent
    from gevent import monkey
    monkey.patch_all()
    def work():
        while True:
            sleep(0.001)
            gevent.sleep(0)
    gevent.spawn(work)
import hitrate
url, verb = sys.argv[2], sys.argv[3]
tls = {"tls_verify": False} if url.startswith("rediss") else {}
cache = hitrate.Cache(url, timeout=600, bulk_timeout=600, on_error="raise", serializer="json", **tls)
if verb == "get":
    for size in range(150_000, 450_000, 6000):
        assert len(cache.get(str(size))) == size
else:
    for count in range(200, 300, 3):
        assert len(cache.get_many(list(map(str, range(count))))) == count
"""


def command(stream: BinaryIO) -> list[bytes]:
    """Read a command; empty at the end."""
    words = []
    for _ in range(int(stream.readline()[1:] or 0)):
        length = int(stream.readline()[1:])
        words.append(stream.read(length + 2)[:-2])
    return words


def bulk(size: int) -> bytes:
    return b'$%d\r\n"%b"\r\n' % (size + 2, b"x" * size)


def serve(accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Answer `GET` with a string as long as the key says, and `MGET` with strings of `SIZE`."""
    with suppress(OSError), accepted, tls.wrap_socket(accepted, server_side=True) if tls else accepted as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = wire.makefile("rb")
        while words := command(stream):
            if words[0] == b"GET":
                wire.sendall(bulk(int(words[1].rpartition(b":")[2])))
            elif words[0] == b"MGET":
                wire.sendall(b"*%d\r\n" % len(words[1:]) + bulk(SIZE) * len(words[1:]))
            else:
                wire.sendall(b"%0\r\n" if words[0] == b"HELLO" else b"+OK\r\n")


@pytest.fixture
def listen() -> Iterator[Callable[[ssl.SSLContext | None], str]]:
    """Start the server; it gives its URL."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        listener.bind((HOST, 0))
        listener.listen()

        def start(tls: ssl.SSLContext | None) -> str:
            def accept() -> None:
                with suppress(OSError):
                    while True:
                        threading.Thread(target=serve, args=(listener.accept()[0], tls), daemon=True).start()

            threading.Thread(target=accept, daemon=True).start()
            return f"{'rediss' if tls else 'redis'}://{HOST}:{listener.getsockname()[1]}/0"

        yield start


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("verb", ["get", "get_many"])
@pytest.mark.parametrize("who", ["thread", "greenlet"])
def test_no_reply_is_waited_for_that_has_come(
    listen: Callable[[ssl.SSLContext | None], str], authority: trustme.CA, who: str, verb: str, tls: bool
) -> None:
    if who == "greenlet":
        pytest.importorskip("gevent", reason="gevent is not installed; it is in the dependency group 'test'")
    url = listen(server_context(authority, HOST) if tls else None)
    ended = run_python(READ, who, url, verb)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
