"""What is known of what this thread reads: how old it may be, and whether a transaction of its own has changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hitrate.lease.place import Place


@dataclass(frozen=True, slots=True)
class Reads:
    """
    What a framework knows.

    Attributes:
        older_by: how many seconds older than now what this thread reads may be; None: nobody can tell.
        bypasses: whether an open transaction of this thread has changed what an entry with this key and these tags is
            made from.
    """

    older_by: Callable[[], float | None]
    bypasses: Callable[[str, Iterable[str]], bool]


# Adapters whose framework has transactions put theirs here when they are imported.
known: list[Reads] = []


def older_by() -> float | None:
    """Tell how many seconds older than now what this thread reads may be; None: it must not be stored."""
    oldest = 0.0
    for reads in known:
        risk = reads.older_by()
        if risk is None:
            return None
        oldest = max(oldest, risk)
    return oldest


def bypasses(place: Place) -> bool:
    """
    Tell whether an open transaction of this thread has changed what an entry is made from.

    Such an entry must be neither served, for it is older than what this thread wrote, nor filled, for what it wrote may
    be rolled back.
    """
    return any(reads.bypasses(place.key, place.tags) for reads in known)
