"""A list of 100 rows from FastAPI under uvicorn, cached in several ways."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from bars import Bar
from bench import Bench, Case
from harness import Measure, Sample
from native_tools import build, why_no_rustc

from cases.served import wait_for

CONNECTIONS = 64
SECONDS = 10  # in samples: each request is that much rarer than a GET
QUERY = "/rows?page=1&ordering=name&search=shoe"

UNCACHED = "FastAPI, not cached"
CASHEWS = "cashews"
THEIRS = "fastapi-cache2"
DECORATOR = "cached_response"
MIDDLEWARE = "ResponseCacheMiddleware"
DECORATOR_NEAR = "cached_response, local copy"
MIDDLEWARE_NEAR = "ResponseCacheMiddleware, local copy"

# What the application calls each of them.
NAMES = {
    UNCACHED: "plain",
    CASHEWS: "cashews",
    THEIRS: "fastapi-cache2",
    DECORATOR: "decorator",
    MIDDLEWARE: "middleware",
    DECORATOR_NEAR: "decorator-near",
    MIDDLEWARE_NEAR: "middleware-near",
}
OURS = (DECORATOR, MIDDLEWARE, DECORATOR_NEAR, MIDDLEWARE_NEAR)


@contextmanager
def _served(bench: Bench) -> Iterator[Measure]:
    with ExitStack() as stack:
        database = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".sqlite3")).name
        _fill(database)
        # A process of its own for each, as a project has one kind of cache; who is not asked takes no processor.
        sites = {name: stack.enter_context(_site(bench, database, known)) for name, known in NAMES.items()}

        def measure(name: str) -> Sample:
            port, pid = sites[name]
            before = _cpu(pid)
            sample, answers = _load(port, max(1, round(SECONDS * bench.seconds)))
            # Which foreign work disturbs least.
            return {**sample, "CPU µs": (_cpu(pid) - before) / answers * 1e6}

        yield measure


def _load(port: int, seconds: int) -> tuple[Sample, float]:
    command = [str(build("http_load")), str(port), str(CONNECTIONS), str(seconds), QUERY]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, median, slow, opened, answers = map(float, said.split())
    return {"requests/s": rate, "p50 ms": median / 1e3, "p99 ms": slow / 1e3, "open ms": opened / 1e3}, answers


@contextmanager
def _site(bench: Bench, database: str, contender: str) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", str(port), "--workers", "1"]
    command += ["--log-level", "error", "--no-access-log"]
    environment = {**os.environ, "URL": bench.url, "DATABASE": database, "CONTENDER": contender}
    site = subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent, env=environment)
    try:
        wait_for(port, site)
        yield port, site.pid
    finally:
        site.terminate()
        site.wait(30)


def _cpu(pid: int) -> float:
    """Seconds of processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fill(database: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(
        "CREATE TABLE row (id INTEGER PRIMARY KEY, name TEXT, sku TEXT, description TEXT, price TEXT, stock INTEGER, "
        "updated_at TEXT)"
    )
    connection.executemany(
        "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (n, f"Shoe {n}", f"SKU-{n:06}", "A shoe for every day. " * 4, f"{n}.90", n, "2026-11-20T12:00:00Z")
            for n in range(1, 301)
        ],
    )
    connection.commit()
    connection.close()


def _why_skipped(bench: Bench) -> str | None:
    missing = [name for name in ("fastapi", "uvicorn", "cashews", "fastapi_cache") if find_spec(name) is None]
    return f"not installed: {', '.join(missing)}; pip install --group bench" if missing else why_no_rustc(bench)


CASES = (
    Case(
        "fastapi",
        "a list of 100 rows from FastAPI under uvicorn, 1 worker, 64 connections",
        tuple(NAMES),
        ("requests/s", "p50 ms", "p99 ms", "open ms", "CPU µs"),
        _served,
        (
            *(Bar(ours, "requests/s", other, at_least=1.0) for ours in OURS for other in (UNCACHED, CASHEWS, THEIRS)),
            *(Bar(ours, "p99 ms", other, at_most=1.0) for ours in OURS for other in (UNCACHED, CASHEWS, THEIRS)),
        ),
        extra=tuple(NAMES),
        why_skipped=_why_skipped,
    ),
)
