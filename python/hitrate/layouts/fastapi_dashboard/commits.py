"""
Waiting for the commit of an SQLAlchemy session. What happened in a savepoint that was rolled back did not happen.

SQLAlchemy is imported by who has a session.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Coroutine

    from hitrate.layouts.fastapi_dashboard.events import DataEvent, EventPublisher

_NAME = "hitrate.layouts.fastapi_dashboard"


def keep(session: Any, event: DataEvent, publisher: EventPublisher) -> bool:
    """
    Keep an event until the session has committed.

    Args:
        session: an ``AsyncSession`` or a ``Session``, or either of them scoped.
        event: to be kept.
        publisher: who tells then of all events of the transaction.

    Returns:
        Whether it is kept; not if no transaction has begun.
    """
    registry = getattr(session, "registry", None)
    if registry is not None:
        # Scoped: the session of this scope.
        session = registry()
    session = getattr(session, "sync_session", session)
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        return False
    waiting = session.info.get(_NAME)
    if waiting is None:
        from sqlalchemy import event as events

        waiting = session.info[_NAME] = _Waiting()
        events.listen(session, "before_commit", waiting.committing)
        events.listen(session, "after_commit", waiting.committed)
        events.listen(session, "after_transaction_end", waiting.ended)
    waiting.events.append((transaction, event, publisher))
    return True


class _Waiting:
    """The events of one session's transaction."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, DataEvent, EventPublisher]] = []
        self._is_committing = False
        # What is being told, and what is to be told where no event loop runs.
        self._begun: list[Future[None]] = []
        self._to_begin: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def committing(self, session: Any) -> None:
        if session.get_nested_transaction() is None:
            # As the commit would do next: if this fails, nothing is committed.
            session.flush()
            self._is_committing = True

    def committed(self, session: Any) -> None:
        savepoint = session.get_nested_transaction()
        if savepoint is None:
            # At once: who is cancelled while the connection is given back never comes to the transaction's end.
            self._begin()
            return
        # Released: what happened in it is now up to the transaction around it.
        self.events = [
            (savepoint.parent if transaction is savepoint else transaction, event, publisher)
            for transaction, event, publisher in self.events
        ]

    def ended(self, _session: Any, transaction: Any) -> None:
        """Forget what was rolled back; after the commit, when the connection has been given back, wait."""
        if transaction.parent is not None:
            self.events = [one for one in self.events if one[0] is not transaction]
            return
        if self._is_committing:
            # COMMIT raised, if anything is left: the database may have done it all the same.
            self._begin()
        self.events = []
        begun, to_begin = self._begun, self._to_begin
        self._begun, self._to_begin = [], []
        _wait_for(begun, to_begin)

    def _begin(self) -> None:
        import asyncio

        from sqlalchemy.util import concurrency

        from hitrate.lease.tasks import in_background

        by_publisher: dict[EventPublisher, list[DataEvent]] = {}
        for _, event, publisher in self.events:
            by_publisher.setdefault(publisher, []).append(event)
        self.events, self._is_committing = [], False
        calls = [partial(publisher.deliver, told) for publisher, told in by_publisher.items()]
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._to_begin += calls
            return
        if not concurrency.in_greenlet():
            # A sync session in the loop: nothing waits for what is begun here, and the loop may end before it.
            for publisher, told in by_publisher.items():
                publisher.prepare(told)
        self._begun += [in_background(call()) for call in calls]


def _wait_for(begun: list[Future[None]], to_begin: list[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Wait in an AsyncSession, and where no event loop runs; elsewhere nothing can."""
    import asyncio

    from sqlalchemy.util import await_only, concurrency

    for call in to_begin:
        asyncio.run(call())
    if begun and concurrency.in_greenlet():
        await_only(asyncio.wait(begun))
