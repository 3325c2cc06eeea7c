"""A streaming replica of a PostgreSQL, which can be made to lag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from hitrate.testing import HOST
from tests.postgresql import find_postgresql, running


@contextmanager
def replica_of(primary: Mapping[str, Any]) -> Iterator[int]:
    """Copy a PostgreSQL and follow it; yields the port of the copy."""
    programs = find_postgresql()
    assert programs is not None

    def copy(data: Path) -> list[Any]:
        where = ["-h", primary["HOST"], "-p", primary["PORT"], "-U", primary["USER"]]
        return [programs / "pg_basebackup", *where, "-D", data, "-R", "-c", "fast", "--no-sync"]

    with running(programs, copy) as port:
        yield port


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
