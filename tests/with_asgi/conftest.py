"""Fixtures: an application behind the middleware, and applications that uvicorn serves as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import hitrate
from hitrate.asgi import ResponseCacheMiddleware
from hitrate.testing import free_port

HERE = Path(__file__).resolve().parent
STARTS_WITHIN = 60


@pytest.fixture
def kept(cache: hitrate.Cache) -> Callable[..., ResponseCacheMiddleware]:
    """Make the middleware over an application, on the test's cache: for everybody, unless told otherwise."""

    def make(app: Any, **options: Any) -> ResponseCacheMiddleware:
        if not options.keys() & {"shared", "vary_on"}:
            options["shared"] = True
        return ResponseCacheMiddleware(app, options.pop("cache", cache), **{"jitter": 0, **options})

    return make


@pytest.fixture
def app(cache: hitrate.Cache) -> FastAPI:
    """An application that has the test's cache, as its lifespan would give it."""
    found = FastAPI()
    found.state.hitrate_cache = cache
    return found


class Site:
    """An application that uvicorn serves; `url` is its address."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def get(self, target: str, **options: Any) -> httpx.Response:
        """Ask on a connection of its own."""
        return httpx.get(f"{self.url}{target}", **{"timeout": 30, **options})

    def stop(self) -> None:
        """End it in good order."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def served(application: str, log: Path, environment: dict[str, str], *options: str) -> Iterator[Site]:
    """Serve an application of this directory, ``"site:app"``, until the end of the block."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--log-level", "warning", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=HERE, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(port, process, log)
            yield Site(process, port, log)
        finally:
            process.kill()
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"uvicorn did not start: {log.read_text()}")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """`served` as a function: every site ends with the test."""
    with ExitStack() as sites:
        count = 0

        def start(application: str, *options: str, **environment: str) -> Site:
            nonlocal count
            count += 1
            return sites.enter_context(served(application, tmp_path / f"site{count}.log", environment, *options))

        yield start
