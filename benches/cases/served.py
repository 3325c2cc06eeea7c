"""The same pages behind a real server, asked by another process: gunicorn with threads, and wrk."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bars import Bar
from bench import Bench, Case
from harness import Measure, Sample

from cases.responses import (
    CONSTANT,
    CONSTANT_OF_REST,
    EARLY,
    EARLY_NEAR,
    OURS,
    OURS_NEAR,
    PAGE,
    PAGES,
    TYPICAL,
    UNCACHED,
)

SECONDS = 10  # in samples: each request is that much rarer than a GET
CONNECTIONS = 16
QUERY = "?page=1&ordering=name&search=shoe"
CONTENDERS = (UNCACHED, TYPICAL, PAGE, OURS, EARLY, OURS_NEAR, EARLY_NEAR, CONSTANT_OF_REST, CONSTANT)


@contextmanager
def _served(bench: Bench) -> Iterator[Measure]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1", "--threads", "8"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "error", "--keep-alive", "75", "served_app:application"]
    with tempfile.NamedTemporaryFile(suffix=".sqlite3") as database:
        environment = {**os.environ, "URL": bench.url, "DATABASE": database.name}
        server = subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent, env=environment)
        try:
            wait_for(port, server)

            def measure(name: str) -> Sample:
                return load(
                    f"http://127.0.0.1:{port}/{PAGES[name]}{QUERY}", max(1, round(SECONDS * bench.seconds)), CONNECTIONS
                )

            yield measure
        finally:
            server.terminate()
            server.wait(30)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start within 30 seconds")


def load(url: str, seconds: int, connections: int) -> Sample:
    """Ask over that many connections, by wrk, for so long."""
    command = [
        "wrk",
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{seconds}s",
        "--latency",
        # The host that the project allows; what browsers and proxies send besides.
        "--header",
        "Host: testserver",
        "--header",
        "Accept: application/json",
        "--header",
        "Accept-Encoding: gzip, deflate",
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    return {
        "requests/s": float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        "p50 ms": _milliseconds(_found(r"^ +50% +(\S+)", said)),
        "p99 ms": _milliseconds(_found(r"^ +99% +(\S+)", said)),
    }


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, text
    return match[1]


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(f"wrk gave the time {text!r}; its units were us, ms and s")


def why_skipped(_bench: Bench) -> str | None:
    return None if shutil.which("wrk") else "wrk is not installed; on Debian: apt install wrk"


CASES = (
    Case(
        "served",
        "the same list from gunicorn, 1 worker of 8 threads, 16 connections of wrk",
        CONTENDERS,
        ("requests/s", "p50 ms", "p99 ms"),
        _served,
        (
            *(Bar(ours, "requests/s", other, at_least=1.0) for ours in (OURS, EARLY) for other in (TYPICAL, PAGE)),
            *(Bar(ours, "p99 ms", other, at_most=1.0) for ours in (OURS, EARLY) for other in (TYPICAL, PAGE)),
        ),
        extra=CONTENDERS,
        why_skipped=why_skipped,
    ),
)
