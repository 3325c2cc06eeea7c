"""The driver of `obtain` for threads and greenlets; `tasks.py` holds the other, which waits in an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from hitrate._native import Entry, Lease
from hitrate.lease.flight import Flight, of_threads
from hitrate.lease.obtain import obtain
from hitrate.lease.place import Place
from hitrate.lease.rules import Found, Made, Rules

T = TypeVar("T")


class _Blocking:
    """Does what is wanted, and waits as this process waits."""

    __slots__ = ("lease", "look", "make", "release", "sleep")

    def __init__(self, place: Place, make: Callable[[Lease | None], Made[Any]]) -> None:
        self.look, self.lease, self.release, self.sleep = place.look, place.lease, place.release, place.sleep
        self.make = make

    def join(self, flight: Flight, seconds: float) -> bool:
        return flight.join(seconds)


def run(
    place: Place,
    rules: Rules,
    seen: Entry | None,
    make: Callable[[Lease | None], Made[T]],
    is_failure: Callable[[Exception], bool],
) -> Found | Made[T]:
    """
    Come by an answer in a thread or greenlet, after a look at the cache found none, or an old one.

    Args:
        place: of the entry.
        rules: for it.
        seen: the old entry that was found.
        make: rebuilds, and stores what came of it if it is given a lease.
        is_failure: whether what a rebuild raised is a failure of the site rather than an answer to the client.

    Returns:
        An entry, or what the rebuild gave.

    Raises:
        Exception: what `make` raised, unless an old entry stands in.
    """
    does = _Blocking(place, make)
    steps = obtain(place, rules, seen, of_threads(), Flight, is_failure)
    try:
        name, *args = next(steps)
        while True:
            try:
                result = getattr(does, name)(*args)
            except BaseException as raised:  # noqa: BLE001  the generator raises it again, unless it has an answer
                name, *args = steps.throw(raised)
            else:
                name, *args = steps.send(result)
    except StopIteration as end:
        return cast("Found | Made[T]", end.value)
