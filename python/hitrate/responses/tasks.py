"""The order in which a request is answered, in an event loop; apart, for programs without one never load asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hitrate._native import Lease
from hitrate.lease import Made
from hitrate.lease.tasks import arun
from hitrate.responses.exchange import Exchange

R = TypeVar("R")


async def aanswer(
    visit: Exchange[R],
    passing: Callable[[], Awaitable[R]],
    make: Callable[[Lease | None], Awaitable[Made[R]]],
    is_failure: Callable[[Exception], bool],
) -> R:
    """Answer a request from the cache, or by awaiting the view, as `hitrate.responses.answer` does."""
    place: Any = visit.place
    if visit.passes and not visit.wants_anew:
        return await passing()
    entry = await place.alook() if visit.passes is None else None
    if (response := visit.hit(entry) or visit.refused()) is not None:
        return response
    if visit.is_only_read:
        return await passing()
    if visit.wants_anew:
        await place.aforget()
        entry = None
    return visit.finish(await arun(place, visit.declared.rules, entry, make, is_failure))
