"""A streaming replica of a PostgreSQL, which can be made to lag."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from hitrate.testing import HOST, KEEPER, free_port
from tests.postgresql import OPTIONS, find_postgresql, unprivileged, wait_until_ready


@contextmanager
def replica_of(primary: Mapping[str, Any]) -> Iterator[int]:
    """Copy a PostgreSQL and follow it; yields the port of the copy."""
    programs = find_postgresql()
    assert programs is not None
    as_user = {"user": unprivileged()} if os.geteuid() == 0 else {}
    directory, port = Path(tempfile.mkdtemp(prefix="hitrate-replica-")), free_port()
    if as_user:
        shutil.chown(directory, **as_user)
    data = directory / "data"
    try:
        where = ["-h", primary["HOST"], "-p", primary["PORT"], "-U", primary["USER"]]
        copy = [programs / "pg_basebackup", *where, "-D", data, "-R", "-c", "fast", "--no-sync"]
        subprocess.run(list(map(str, copy)), check=True, cwd="/", **as_user)
        data.chmod(0o700)
        command = [programs / "postgres", "-D", data, "-p", port, "-k", directory]
        for option in OPTIONS:
            command += ["-c", option]
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
            wait_until_ready(programs / "pg_isready", port, directory / "server.log")
            yield port
        finally:
            keeper.communicate(b"\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def connect(known: Mapping[str, Any], name: str, port: int | None = None) -> psycopg.Connection[Any]:
    """A session of a database, in which every statement is a transaction of its own."""
    return psycopg.connect(
        host=HOST if port else known["HOST"],
        port=port or known["PORT"],
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=name,
        autocommit=True,
    )
