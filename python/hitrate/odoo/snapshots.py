"""
How old what a cursor reads may be.

Odoo reads at REPEATABLE READ: a transaction sees the rows as they were at its first query, however long ago that is.
What is computed from them may be stored only if nothing was forgotten since.
"""

from __future__ import annotations

from typing import Any

# Both are PostgreSQL's own clock. The transaction begins with its first query, before the snapshot is taken.
_QUESTION = "SELECT extract(epoch FROM clock_timestamp() - transaction_timestamp()), pg_is_in_recovery()"


# Before PostgreSQL 13 it has another name, which still works.
_HAS_CHANGED = "SELECT txid_current_if_assigned() IS NOT NULL"


def has_changed_rows(cr: Any) -> bool:
    """Ask PostgreSQL whether the open transaction of a cursor has changed or locked rows, by SQL too."""
    try:
        with cr.connection.cursor() as asking:
            asking.execute(_HAS_CHANGED)
            return bool(asking.fetchone()[0])
    except Exception:  # noqa: BLE001 (the driver's own errors; whoever cannot be asked is not trusted)
        return True


def snapshot_age(cr: Any, replica_lag: float | None = None) -> float | None:
    """
    Ask PostgreSQL how many seconds ago the transaction of a cursor began.

    Args:
        cr: an open cursor, which may be read-only.
        replica_lag: seconds by which a replica may be behind.

    Returns:
        The age, and on a replica `replica_lag` more. None: nobody can tell, because the transaction has failed, or it
        reads from a replica of which nobody said how far it may be behind.
    """
    try:
        # Not by the cursor of Odoo, which would count and log the query as the module's own, and a failure as an error.
        with cr.connection.cursor() as asking:
            asking.execute(_QUESTION)
            age, is_replica = asking.fetchone()
    except Exception:  # noqa: BLE001 (the driver's own errors; whoever cannot be asked is not trusted)
        return None
    if not is_replica:
        return float(age)
    return None if replica_lag is None else float(age) + replica_lag
