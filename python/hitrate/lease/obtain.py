"""What to do when the cache holds no answer, or an old one. Does nothing itself: it says what it wants done."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, cast

from hitrate._native import Entry, Lease
from hitrate.lease import hit_for_miss
from hitrate.lease.flight import Flight, Flights
from hitrate.lease.place import Place
from hitrate.lease.rules import Found, Made, Rules

# Between two looks at a lease of another process, in seconds.
FIRST_LOOK = 0.005
LAST_LOOK = 0.05
# Servers tell the time that a lease has left in whole milliseconds.
ROUNDING = 0.005
# So many leases of others may come to nothing while one waits: holders are killed, keys deleted. After more it is taken
# for the way of this answer.
CHANGES = 2

Want: TypeAlias = tuple[Any, ...]
"""What is to be done: the name of a method of the driver, and its arguments."""


class _Asked(NamedTuple):
    """
    What stays the same while an answer is obtained.

    Attributes:
        name: of the answer.
        rules: for it.
        is_failure: see `obtain`.
    """

    name: hit_for_miss.Name
    rules: Rules
    is_failure: Callable[[Exception], bool]


def obtain(
    place: Place,
    rules: Rules,
    seen: Entry | None,
    flights: Flights,
    new_flight: Callable[[], Flight],
    is_failure: Callable[[Exception], bool],
) -> Generator[Want, Any, Found | Made[Any]]:
    """
    Come by an answer after a look at the cache found none, or an old one.

    Args:
        place: of the entry.
        rules: for it.
        seen: the old entry that was found.
        flights: of those who can wait for one another.
        new_flight: makes one.
        is_failure: whether what a rebuild raised is a failure of the site rather than an answer to the client.

    Yields:
        What is to be done; the result is sent back, or what was raised is thrown in.

    Returns:
        An entry, or what the rebuild gave.
    """
    ends = time.monotonic() + rules.wait
    name = (id(place.client), place.key)
    asked = _Asked(name, rules, is_failure)
    while True:
        flight = new_flight()
        under_way = flights.setdefault(name, flight)
        if under_way is not flight and under_way.has_hung(rules.lease):
            # Given up for dead, as by other processes when its lease has run out.
            flights[name] = under_way = flight
        if under_way is flight:
            try:
                return (yield from _lead(asked, seen, flight, ends))
            finally:
                # Its place may be another one's: see `aland`, and `Flight.has_hung`.
                if flights.get(name) is flight:
                    del flights[name]
                flight.land()
        if is_servable(seen, rules):
            return Found(cast(Entry, seen), "stale")
        if hit_for_miss.is_expected(name) and not _excuses(seen, rules):
            return (yield from _make(asked, seen, None))
        has_landed = yield ("join", under_way, max(0.0, ends - time.monotonic()))
        if under_way.has_failed and _excuses(seen, rules):
            # Hundreds that try for themselves what has just failed would make it worse.
            return Found(cast(Entry, seen), "error")
        if not has_landed or under_way.is_in_vain:
            return (yield from _make(asked, seen, None))
        seen = yield ("look",)
        if seen is not None and seen.fresh_for > 0:
            return Found(seen, "collapsed")


def is_servable(entry: Entry | None, rules: Rules) -> bool:
    """Whether an old entry may be served while another request rebuilds it."""
    return entry is not None and -entry.fresh_for <= rules.stale


def _lead(asked: _Asked, seen: Entry | None, flight: Flight, ends: float) -> Generator[Want, Any, Found | Made[Any]]:
    """Rebuild, unless another process does; then wait for it, or serve what is old."""
    pause, latest_end, changes = FIRST_LOOK, float("inf"), 0
    while True:
        began = time.monotonic()
        lease = yield ("lease", asked.rules.lease, seen)
        now = time.monotonic()
        if isinstance(lease, Lease):
            return (yield from _make_under(lease, asked, seen, flight))
        if isinstance(lease, float):
            if is_servable(seen, asked.rules):
                return Found(cast(Entry, seen), "stale")
            # Not the lease that was there before, whose holder stored nothing.
            changes += began + lease > latest_end + ROUNDING
            if changes > CHANGES:
                break
            latest_end = now + lease
        elif lease is not None:
            if lease.fresh_for > 0:
                return Found(lease, "collapsed")
            seen = lease
        if lease is None or now >= ends or hit_for_miss.is_expected(asked.name):
            # The server is away; or it took too long; or it is not worth a wait. Nor is it for others.
            flight.is_in_vain = True
            flight.land()
            break
        if isinstance(lease, float):
            yield ("sleep", min(pause, ends - now, lease))
            pause = min(pause * 1.5, LAST_LOOK)
    made = yield from _make(asked, seen, None)
    if isinstance(made, Made):
        flight.note(made)
    return made


def _make_under(
    lease: Lease, asked: _Asked, seen: Entry | None, flight: Flight
) -> Generator[Want, Any, Found | Made[Any]]:
    """Rebuild under a lease, and tell those who wait what came of it."""
    flight.lease = lease
    # Until it is known better, which is never when the rebuild raises.
    flight.is_in_vain = flight.has_failed = True
    try:
        made = yield from _make(asked, seen, lease)
    except Exception as error:
        # What is an answer and no failure (not found, not allowed) excuses no old one.
        flight.has_failed = asked.is_failure(error)
        raise
    except BaseException:
        # Cancelled: that says nothing of the answer, so that one of those who wait makes it.
        flight.is_in_vain = flight.has_failed = False
        raise
    if isinstance(made, Made):
        flight.note(made)
    return made


def _make(asked: _Asked, seen: Entry | None, lease: Lease | None) -> Generator[Want, Any, Found | Made[Any]]:
    """Rebuild, without a lease for this one caller. What is not stored frees the lease at once."""
    try:
        made = cast(Made[Any], (yield ("make", lease)))
    except GeneratorExit:
        raise
    except BaseException as error:
        if isinstance(error, Exception):
            hit_for_miss.note(asked.name, None)
        if lease is not None:
            yield ("release", lease)
        if isinstance(error, Exception) and _excuses(seen, asked.rules) and asked.is_failure(error):
            return Found(cast(Entry, seen), "error")
        raise
    hit_for_miss.note(asked.name, made)
    if lease is not None and not made.was_stored:
        yield ("release", lease)
    if made.has_failed and _excuses(seen, asked.rules):
        return Found(cast(Entry, seen), "error")
    return made


def _excuses(entry: Entry | None, rules: Rules) -> bool:
    return entry is not None and -entry.fresh_for <= rules.stale_on_error
