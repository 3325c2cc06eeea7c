"""The driver of `obtain` for tasks. Imported by the first that needs it: programs without one never load asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from hitrate._native import Entry, Lease
from hitrate.lease.flight import Flight, Flights
from hitrate.lease.obtain import obtain
from hitrate.lease.place import Place
from hitrate.lease.rules import Found, Made, Rules

T = TypeVar("T")

_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Flights] = WeakKeyDictionary()


class TaskFlight(Flight):
    """A rebuild under way in an event loop."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        super().__init__()
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def land(self) -> None:
        """Let those go on who wait."""
        if not self._future.done():
            self._future.set_result(None)

    async def ajoin(self, seconds: float) -> bool:
        """Wait for it; False when the time is over."""
        done, _ = await asyncio.wait([self._future], timeout=seconds)
        return bool(done)


class _Async:
    """Does what is wanted, in the running event loop."""

    __slots__ = ("_place", "lease", "look", "make", "sleep")

    def __init__(self, place: Place, make: Callable[[Lease | None], Awaitable[Made[Any]]]) -> None:
        self.look, self.lease, self.sleep = place.alook, place.alease, asyncio.sleep
        self.make = make
        self._place = place

    async def release(self, lease: Lease) -> bool:
        return await _release(self._place, lease)

    async def join(self, flight: TaskFlight, seconds: float) -> bool:
        return await flight.ajoin(seconds)


_releases: set[asyncio.Task[bool]] = set()
"""Leases being given back; the event loop alone would let go of them."""


async def _release(place: Place, lease: Lease) -> bool:
    """
    Give a lease back, in a task of its own.

    A request that was cancelled may be cancelled again at each of its awaits, as anyio does until its scope is left.
    """
    giving = asyncio.ensure_future(place.arelease(lease))
    _releases.add(giving)
    giving.add_done_callback(_given)
    return await asyncio.shield(giving)


def _given(giving: asyncio.Task[bool]) -> None:
    _releases.discard(giving)
    if not giving.cancelled():
        # Nobody may be there any more to be told; the lease then ends by itself.
        giving.exception()


async def aland(place: Place, lease: Lease, made: Made[Any]) -> None:
    """
    Let those go on who wait for a rebuild whose outcome is known before it ends: what is left streams, say.

    Args:
        place: of the entry.
        lease: under which it is made.
        made: what came of it.
    """
    flights = _loops.get(asyncio.get_running_loop(), {})
    flight = flights.pop((id(place.client), place.key), None)
    if flight is not None:
        flight.note(made)
        flight.land()
    if not made.was_stored:
        await _release(place, lease)


async def arun(
    place: Place,
    rules: Rules,
    seen: Entry | None,
    make: Callable[[Lease | None], Awaitable[Made[T]]],
    is_failure: Callable[[Exception], bool],
) -> Found | Made[T]:
    """Come by an answer in a task of the running event loop, as `hitrate.lease.run` does."""
    does = _Async(place, make)
    steps = obtain(place, rules, seen, _loops.setdefault(asyncio.get_running_loop(), {}), TaskFlight, is_failure)
    try:
        name, *args = next(steps)
        while True:
            try:
                result = await getattr(does, name)(*args)
            except BaseException as raised:  # noqa: BLE001  as above; a cancellation too, which frees the lease
                name, *args = steps.throw(raised)
            else:
                name, *args = steps.send(result)
    except StopIteration as end:
        return cast("Found | Made[T]", end.value)
