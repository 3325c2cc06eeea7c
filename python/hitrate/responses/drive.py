"""The order in which a request is answered, for threads and greenlets; `tasks.py` has the other for event loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hitrate._native import Lease
from hitrate.lease import Made, run
from hitrate.responses.exchange import Exchange

R = TypeVar("R")


def answer(
    visit: Exchange[R],
    passing: Callable[[], R],
    make: Callable[[Lease | None], Made[R]],
    is_failure: Callable[[Exception], bool],
) -> R:
    """
    Answer a request from the cache, or by running the view.

    Args:
        visit: the request.
        passing: runs the view for this request alone, and lets its answer through.
        make: runs the view, and stores its answer under the lease, if it is given one.
        is_failure: whether what the view raised is a failure of the site rather than its answer.
    """
    place: Any = visit.place
    if visit.passes and not visit.wants_anew:
        return passing()
    entry = place.look() if visit.passes is None else None
    if (response := visit.hit(entry) or visit.refused()) is not None:
        return response
    if visit.is_only_read:
        return passing()
    if visit.wants_anew:
        place.forget()
        entry = None
    return visit.finish(run(place, visit.declared.rules, entry, make, is_failure))
