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

    __slots__ = ("_place", "look", "make", "sleep")

    def __init__(self, place: Place, make: Callable[[Lease | None], Awaitable[Made[Any]]]) -> None:
        self.look, self.sleep = place.alook, asyncio.sleep
        self.make = make
        self._place = place

    async def lease(self, seconds: float, seen: Entry | None) -> Lease | Entry | float | None:
        asking = in_background(self._place.alease(seconds, seen))
        try:
            answer = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The server may have given it all the same, and everybody else would wait for nothing.
            asking.add_done_callback(self._give_back)
            raise
        return self._place.met(answer)

    def _give_back(self, asking: asyncio.Future[Any]) -> None:
        if not asking.cancelled() and asking.exception() is None and isinstance(asking.result(), Lease):
            in_background(self._place.arelease(asking.result()))

    async def release(self, lease: Lease) -> bool:
        return await _release(self._place, lease)

    async def join(self, flight: TaskFlight, seconds: float) -> bool:
        return await flight.ajoin(seconds)


_under_way: dict[asyncio.AbstractEventLoop, set[asyncio.Future[Any]]] = {}
"""What comes to its end, leases asked for and given back above all; the event loop alone would let go of it."""


def in_background(doing: Awaitable[T]) -> asyncio.Future[T]:
    """
    Do it to its end, whatever becomes of the request.

    One that was cancelled may be cancelled again at each of its awaits, as anyio does until its scope is left.
    """
    task: asyncio.Future[T] = asyncio.ensure_future(doing)
    loop = task.get_loop()
    if loop not in _under_way:
        # What a closed loop has left never comes to its end.
        for closed in [one for one in list(_under_way) if one.is_closed()]:
            _under_way.pop(closed, None)
    _under_way.setdefault(loop, set()).add(task)
    task.add_done_callback(_done)
    return task


async def to_its_end(doing: Awaitable[T]) -> T:
    """Wait for what goes on although who waits is cancelled."""
    return await asyncio.shield(in_background(doing))


def _done(task: asyncio.Future[Any]) -> None:
    _under_way.get(task.get_loop(), set()).discard(task)
    if not task.cancelled():
        # Nobody may be there any more to be told; a lease then ends by itself.
        task.exception()


async def _release(place: Place, lease: Lease) -> bool:
    """Give a lease back."""
    return await to_its_end(place.arelease(lease))


async def aland(place: Place, lease: Lease, made: Made[Any]) -> None:
    """
    Let those go on who wait for a rebuild whose outcome is known before it ends: what is left streams, say.

    Args:
        place: of the entry.
        lease: under which it is made.
        made: what came of it.
    """
    flights = _loops.get(asyncio.get_running_loop(), {})
    name = (id(place.client), place.key)
    flight = flights.get(name)
    if flight is not None and flight.lease is lease:
        del flights[name]
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
