"""A throwaway PostgreSQL: on a unix socket in a directory of its own, for this process alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# It refuses to run as root; Debian's package makes this user.
USER = "postgres"
NO_SERVER = "no PostgreSQL found; install the Debian package postgresql"
# Nothing here is to survive.
FAST = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_connections=60"]


def find_postgres() -> Path | None:
    """Find the directory with the server's programs."""
    found = shutil.which("initdb") or shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((one for one in reversed(candidates) if (one / "initdb").exists()), None)


@contextmanager
def throwaway_postgres(programs: Path) -> Iterator[dict[str, Any]]:
    """
    Run a server until the block ends.

    Returns:
        A context manager that yields what stands in Django's ``DATABASES``.
    """
    owner = USER if os.getuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="hitrate-pg-"))
    if owner:
        shutil.chown(directory, owner)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    data = directory / "data"
    run: dict[str, Any] = {"user": owner, "cwd": directory, "env": environment, "stdout": subprocess.DEVNULL}
    control = [programs / "pg_ctl", "-D", data, "-s", "-w"]
    try:
        initialise = [programs / "initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync"]
        subprocess.run(initialise, check=True, **run)
        options = " ".join(["-k", str(directory), "-c", "listen_addresses=''", *FAST])
        subprocess.run([*control, "-l", directory / "log", "-o", options, "start"], check=True, **run)
        try:
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": str(directory),
                "NAME": "postgres",
                "USER": USER,
            }
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False, **run)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
