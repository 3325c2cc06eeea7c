"""Long calls on an embedded store: no connection, but everybody else has a turn in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitrate._native import Pending


async def work(pending: Pending) -> Any:
    """
    Run a call to its result, step by step.

    Args:
        pending: the call, of which one step was done.
    """
    try:
        while True:
            await asyncio.sleep(0)
            if pending.step():
                break
    except asyncio.CancelledError:
        if pending.must_finish:
            # The rest is done here and now: no other turn may come.
            while not pending.step():
                pass
            pending.finish()
        raise
    return pending.finish()
