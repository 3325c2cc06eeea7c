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

    __slots__ = ("lease", "look", "make", "release", "sleep")

    def __init__(self, place: Place, make: Callable[[Lease | None], Awaitable[Made[Any]]]) -> None:
        self.look, self.lease, self.release, self.sleep = place.alook, place.alease, place.arelease, asyncio.sleep
        self.make = make

    async def join(self, flight: TaskFlight, seconds: float) -> bool:
        return await flight.ajoin(seconds)


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
