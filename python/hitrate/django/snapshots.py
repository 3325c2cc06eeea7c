"""
How old what this thread reads from its databases may be.

A transaction that reads in a snapshot may see rows as they were before somebody else's commit, and a replica lags
behind. What is computed from them may be stored only if nothing was forgotten since.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from django.conf import settings
from django.core.signals import request_started
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hitrate.django.invalidation import bypasses, is_in_transaction
from hitrate.lease import Reads, reading


class _Thread(threading.local):
    """
    Attributes:
        began: when the request of this thread did, by the monotonic clock; None: there was none.
    """

    began: float | None = None


_thread = _Thread()


def _stamp(**_: Any) -> None:
    _thread.began = time.monotonic()


request_started.connect(_stamp, dispatch_uid="hitrate.django.snapshots")


def snapshot_risk() -> float | None:
    """
    Tell how many seconds older than now what this thread reads may be.

    Returns:
        0.0: no transaction is open, or it sees every commit (PostgreSQL at READ COMMITTED), and nothing lags. Otherwise
        the age of the request, in which the snapshot was taken, and with several databases ``HITRATE_REPLICA_LAG``
        (seconds) more. None: nobody can tell, because a transaction is open outside of a request, or SQLite is in the
        middle of a query.
    """
    if not settings.configured:
        # Nobody has read a setting yet, and so nobody a database by Django: the process may have no project at all.
        return 0.0
    if any(_is_in_a_query(connection) for connection in connections.all(initialized_only=True)):
        return None
    lag = float(getattr(settings, "HITRATE_REPLICA_LAG", 0)) if len(connections.settings) > 1 else 0.0
    if not any(_reads_a_snapshot(connection) for connection in connections.all(initialized_only=True)):
        return lag
    if _thread.began is None:
        return None
    return time.monotonic() - _thread.began + lag


def _reads_a_snapshot(connection: BaseDatabaseWrapper) -> bool:
    return is_in_transaction(connection) and not _sees_every_commit(connection)


def _is_in_a_query(connection: BaseDatabaseWrapper) -> bool:
    """
    Ask SQLite whether a query of this connection has not been read to its end.

    As long as an `iterator()` stands still in the middle, everything else that its connection reads is as old as that
    query, and neither Django nor ``in_transaction`` says so. SQLite does in one place: it replaces no function while a
    query runs (https://sqlite.org/c3ref/create_function.html). Two tries, for the first may be the one that makes it.
    """
    if connection.vendor != "sqlite" or connection.connection is None:
        return False
    try:
        for _ in range(2):
            connection.connection.create_function("hitrate_idle", 0, _nothing)
    except Exception:  # noqa: BLE001 (the driver's own errors; whoever cannot be asked is not trusted)
        return True
    return False


def _nothing() -> None: ...


def _sees_every_commit(connection: BaseDatabaseWrapper) -> bool:
    """Ask PostgreSQL for its isolation level, which the server, the role or a statement may have set."""
    if connection.vendor != "postgresql" or connection.connection is None or connection.needs_rollback:
        return False
    try:
        # Not by a cursor of Django, which would count and log the query as the project's own.
        with connection.connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            (level,) = cursor.fetchone()
    except Exception:  # noqa: BLE001 (the driver's own errors; whoever cannot be asked is not trusted)
        return False
    return bool(level == "read committed")


reading.known.append(Reads(snapshot_risk, bypasses))
