"""Builds and starts the small native programs that the comparison needs; plain `rustc` is enough for them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench import Bench

SOURCES = Path(__file__).parent / "tools"
BUILT = Path(__file__).parent.parent / "target" / "bench-tools"


def why_no_rustc(_bench: Bench) -> str | None:
    return None if shutil.which("rustc") else "needs rustc on PATH"


@cache
def build(name: str, kind: str = "bin") -> Path:
    """Compile ``tools/<name>.rs`` into ``target/bench-tools``; `kind` is rustc's crate type."""
    BUILT.mkdir(parents=True, exist_ok=True)
    program = BUILT / (name if kind == "bin" else f"lib{name}.so")
    source = SOURCES / f"{name}.rs"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        command = ["rustc", "--edition", "2024", "-O", "--crate-type", kind, "-o", str(program), str(source)]
        subprocess.run(command, check=True)
    return program


@contextmanager
def delayed(url: str, seconds: float) -> Iterator[str]:
    """The same server, further away: yields a URL whose replies come `seconds` later. TCP only."""
    parts = urlsplit(url)
    server = f"{parts.hostname}:{parts.port or 6379}"
    command = [str(build("delay_proxy")), server, str(round(seconds * 1e6))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as proxy:
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        try:
            port = int(proxy.stdout.readline())
            login = parts.netloc.rpartition("@")[0]
            yield urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}"))
        finally:
            proxy.stdin.close()  # it ends with its input
            _wait_for_end(proxy)


def _wait_for_end(proxy: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    give_up = time.monotonic() + patience
    while proxy.poll() is None:
        if time.monotonic() > give_up:
            proxy.kill()
        time.sleep(0.01)
