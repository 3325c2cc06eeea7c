"""
Waiting for the commit of an SQLAlchemy session. What happened in a savepoint that was rolled back did not happen.

SQLAlchemy is imported by who has a session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from hitrate.layouts.fastapi_dashboard.events import DataEvent

    Deliver = Callable[[list[DataEvent]], Coroutine[Any, Any, None]]

_NAME = "hitrate.layouts.fastapi_dashboard"
# The event loop alone would let go of them.
_under_way: set[Awaitable[None]] = set()


def keep(session: Any, event: DataEvent, deliver: Deliver) -> bool:
    """
    Keep an event until the session has committed.

    Args:
        session: an ``AsyncSession`` or a ``Session``.
        event: to be kept.
        deliver: called then, with all events of the transaction.

    Returns:
        Whether it is kept; not if no transaction has begun.
    """
    session = getattr(session, "sync_session", session)
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        return False
    waiting = session.info.get(_NAME)
    if waiting is None:
        from sqlalchemy import event as events

        waiting = session.info[_NAME] = _Waiting()
        events.listen(session, "after_commit", waiting.committed)
        events.listen(session, "after_transaction_end", waiting.ended)
    waiting.events.append((transaction, event, deliver))
    return True


class _Waiting:
    """The events of one session's transaction."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, DataEvent, Deliver]] = []
        self._is_committed = False

    def committed(self, session: Any) -> None:
        savepoint = session.get_nested_transaction()
        if savepoint is None:
            self._is_committed = True
            return
        # Released: what happened in it is now up to the transaction around it.
        self.events = [
            (savepoint.parent if transaction is savepoint else transaction, event, deliver)
            for transaction, event, deliver in self.events
        ]

    def ended(self, _session: Any, transaction: Any) -> None:
        """Forget what was rolled back; after the commit, when the connection has been given back, tell."""
        if transaction.parent is not None:
            self.events = [one for one in self.events if one[0] is not transaction]
            return
        events, is_committed = self.events, self._is_committed
        self.events, self._is_committed = [], False
        if is_committed:
            by_publisher: dict[Deliver, list[DataEvent]] = {}
            for _, event, deliver in events:
                by_publisher.setdefault(deliver, []).append(event)
            for deliver, told in by_publisher.items():
                _wait_for(deliver(told))


def _wait_for(telling: Coroutine[Any, Any, None]) -> None:
    """Wait for a coroutine in an AsyncSession, and where no event loop runs; start it where nothing can wait."""
    import asyncio

    from sqlalchemy.util import await_only, concurrency

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(telling)
        return
    if concurrency.in_greenlet():
        await_only(telling)
        return
    task = loop.create_task(telling)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
