"""A site in processes of its own, as gunicorn serves it, and questions to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from hitrate.testing import Server, free_port
from tests.faults.conftest import PATIENCE, ROOT, until


@contextmanager
def gunicorn(application: str, server: Server, *options: str) -> Iterator[str]:
    """Serve an application with its cache on `server`; where, is what the block gets."""
    place = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", place, "--log-level", "warning", application]
    env = {**os.environ, "APP_CACHE_URL": server.url}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as master:
        try:
            until(lambda: is_open(place) or master.poll() is not None, "gunicorn serves")
            yield place
        finally:
            master.send_signal(signal.SIGTERM)
            _, said = master.communicate(timeout=PATIENCE)
    assert master.returncode == 0, said
    assert "Error" not in said, said


def is_open(place: str) -> bool:
    host, port = place.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def ask(place: str, path: str, host: str | None = None) -> str:
    question = urllib.request.Request(f"http://{place}/{path}", headers={"Host": host or place})
    with urllib.request.urlopen(question, timeout=120) as answer:
        return str(answer.read(), "utf-8")
