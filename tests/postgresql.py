"""A PostgreSQL for tests: that of ``$DATABASE_URL``, else a throwaway cluster of the programs that are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hitrate.testing import HOST, KEEPER, free_port

NO_POSTGRESQL = (
    "no PostgreSQL that can be run; install the Debian package postgresql (it runs as users with a name only), or set "
    "DATABASE_URL to a database for tests alone"
)
# Where Debian keeps the programs of every version, newest last.
DEBIAN = Path("/usr/lib/postgresql")
# Nothing here outlives the test, so nothing needs to reach the disk.
OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
    f"listen_addresses={HOST}",
)
PATIENCE = 60.0


def find_postgresql() -> Path | None:
    """Find the directory with ``initdb`` and ``postgres`` that can be run: on PATH, else the newest of Debian's."""
    if not _has_name():
        return None
    if on_path := shutil.which("initdb"):
        # The others are where it is, and not where a link to it may be.
        return Path(on_path).resolve().parent
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgresql() -> Iterator[dict[str, Any] | None]:
    """
    Find or start a PostgreSQL; it ends with the block, and also when this process dies.

    Returns:
        A context manager that yields the settings Django needs for it; None: there is none.
    """
    if url := os.environ.get("DATABASE_URL", ""):
        parts = urlsplit(url)
        if parts.scheme in {"postgres", "postgresql"}:
            credentials = unquote(parts.username or ""), unquote(parts.password or "")
            yield _settings(parts.path[1:], *credentials, parts.hostname or "", parts.port or "")
            return
    programs = find_postgresql()
    if programs is None:
        yield None
        return
    with _throwaway_cluster(programs) as port:
        yield _settings("postgres", "tests", "", HOST, port)


def _settings(name: str, user: str, password: str, host: str, port: int | str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": str(port),
    }


@contextmanager
def _throwaway_cluster(programs: Path) -> Iterator[int]:
    """A cluster on a free port of 127.0.0.1; its superuser is ``tests``, without a password."""

    def init(data: Path) -> list[Any]:
        return [programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"]

    with running(programs, init) as port:
        yield port


@contextmanager
def running(programs: Path, make: Callable[[Path], Sequence[Any]]) -> Iterator[int]:
    """
    Make a directory of data and run a server on it; it ends with the block, and also when this process dies.

    Args:
        programs: the directory with ``postgres``.
        make: returns the command that fills the directory that it is given.

    Returns:
        A context manager that yields the port.
    """
    # PostgreSQL refuses to run as root.
    as_user = {"user": _unprivileged()} if os.geteuid() == 0 else {}
    directory, port = Path(tempfile.mkdtemp(prefix="hitrate-postgresql-")), free_port()
    if as_user:
        shutil.chown(directory, **as_user)
    data = directory / "data"
    try:
        _run(make(data), as_user)
        data.chmod(0o700)
        command = [programs / "postgres", "-D", data, "-p", port, "-k", directory]
        for option in OPTIONS:
            command += ["-c", option]
        # The shell ends the server when the pipe to us is closed, whatever ended us.
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", str(directory), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            start_new_session=True,
            **as_user,
        )
        try:
            _wait_until_ready(programs / "pg_isready", port, directory / "server.log")
            yield port
        finally:
            keeper.communicate(b"\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _has_name() -> bool:
    """Whether this process's user is one of the system's; ``initdb`` refuses others, as some containers have."""
    return os.geteuid() in {user.pw_uid for user in pwd.getpwall()}


def _unprivileged() -> str:
    """Debian's own user for it, or else somebody who is not root."""
    return "postgres" if "postgres" in {user.pw_name for user in pwd.getpwall()} else "nobody"


def _run(command: Sequence[Any], as_user: dict[str, str]) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd="/", **as_user)
    assert done.returncode == 0, f"{command[0]} failed: {done.stdout[-500:]} {done.stderr[-500:]}"


def _wait_until_ready(is_ready: Path, port: int, log: Path) -> None:
    """Wait until a server answers; `is_ready` is the program that asks it."""
    give_up = time.monotonic() + PATIENCE
    question = [str(is_ready), "-q", "-h", HOST, "-p", str(port)]
    while subprocess.run(question, check=False).returncode != 0:
        words = log.read_text(errors="replace")[-600:] if log.exists() else ""
        assert time.monotonic() < give_up, f"PostgreSQL did not answer on port {port} within {PATIENCE:g} s: {words}"
        time.sleep(0.05)
