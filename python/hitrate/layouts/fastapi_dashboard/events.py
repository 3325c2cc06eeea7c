"""What happens to the dashboard's data, and who is told: after the commit, if there is a transaction."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any, NoReturn

from hitrate import values
from hitrate.exceptions import ConfigError
from hitrate.layouts.entry import Event
from hitrate.layouts.fastapi_dashboard import commits, entries

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")

_MAX_HISTORY = 1000


class EventType(Enum):
    """Kinds of events."""

    PRODUCT_UPDATED = "product_updated"
    PRODUCT_CREATED = "product_created"
    PRODUCT_DELETED = "product_deleted"
    PRICE_UPDATED = "price_updated"
    REVIEW_CREATED = "review_created"
    REVIEW_UPDATED = "review_updated"
    SALES_RECORDED = "sales_recorded"
    INVENTORY_UPDATED = "inventory_updated"
    FORECAST_GENERATED = "forecast_generated"


MEANS: Mapping[EventType, Event] = {
    EventType.PRODUCT_UPDATED: entries.PRODUCT_CHANGED,
    EventType.PRODUCT_CREATED: entries.PRODUCT_CHANGED,
    EventType.PRODUCT_DELETED: entries.PRODUCT_CHANGED,
    EventType.PRICE_UPDATED: entries.PRICE_CHANGED,
    EventType.REVIEW_CREATED: entries.REVIEW_CHANGED,
    EventType.REVIEW_UPDATED: entries.REVIEW_CHANGED,
    EventType.SALES_RECORDED: entries.SALES_RECORDED,
    EventType.INVENTORY_UPDATED: entries.INVENTORY_CHANGED,
    EventType.FORECAST_GENERATED: entries.FORECAST_GENERATED,
}


def utc_now() -> datetime:
    """The time as the original writes it: UTC, without an offset."""
    return values.now(timezone.utc).replace(tzinfo=None)


@dataclass
class DataEvent:
    """
    Something that happened to a tenant's data.

    Attributes:
        event_type: what.
        tenant_id: whose data.
        entity_type: ``"product"``, ``"review"``, ``"sales"``, ...
        entity_id: of the product, review, sale, ...
        timestamp: when, in UTC without an offset.
        metadata: more. ``product_id`` names the product that a review, sale, ... is of.

    Raises:
        ConfigError: there is no such type, or no tenant.
    """

    event_type: EventType
    tenant_id: object
    entity_type: str
    entity_id: object
    timestamp: datetime = field(default_factory=utc_now)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Subscribers would find out after the commit, when nobody can be told any more.
        if not isinstance(self.event_type, EventType):
            raise ConfigError(f"{self.event_type!r} is no type of events; use one of EventType")
        if self.tenant_id is None:
            raise ConfigError("the event's tenant is None; name the tenant whose data changed")

    def __str__(self) -> str:
        return f"{self.event_type.value}:{self.entity_type}:{self.entity_id}"

    @property
    def product_id(self) -> object | None:
        """The product concerned; None: nobody said which."""
        named = self.metadata.get("product_id")
        return self.entity_id if named is None and self.entity_type == "product" else named

    def says(self) -> tuple[object, ...]:
        """What it says, for telling it from others: when does not count."""
        return (self.event_type, self.entity_type, *map(str, (self.tenant_id, self.entity_id, self.product_id)))


Callback = Callable[[DataEvent], Awaitable[object]]
BatchCallback = Callable[[list[DataEvent]], Awaitable[object]]


class EventPublisher:
    """Tells subscribers what happened. One that raises keeps nothing from the others; the log has it."""

    def __init__(self) -> None:
        self._subscribers: dict[EventType, list[Callback]] = {}
        self._of_batches: list[BatchCallback] = []
        self._before: list[Callable[[list[DataEvent]], None]] = []
        self._history: deque[DataEvent] = deque(maxlen=_MAX_HISTORY)

    def subscribe(self, event_type: EventType, callback: Callback) -> None:
        """Let a coroutine function be called with every event of a type."""
        self._subscribers.setdefault(event_type, []).append(callback)

    def subscribe_batches(
        self, callback: BatchCallback, before: Callable[[list[DataEvent]], None] | None = None
    ) -> None:
        """
        Let a coroutine function be called with all events of a commit at once, each kind for each entity once.

        Args:
            callback: to be called.
            before: a function without I/O that is called where a commit cannot wait for `callback`.
        """
        self._of_batches.append(callback)
        if before is not None:
            self._before.append(before)

    def publish(self, event: DataEvent, session: object = None, **named: NoReturn) -> Coroutine[Any, Any, None]:
        """
        Tell of an event.

        Args:
            event: what happened, and to whose data.
            session: the SQLAlchemy session that changes the data, async or not, scoped or not. Subscribers are told
                when it has committed, before ``await session.commit()`` returns, and not at all if it rolls back. A
                ``Session`` in a running event loop cannot wait: what is wrong then is a miss at once, and forgotten a
                little later. Of a COMMIT that raised, a cancelled one say, nobody knows what it did: then they are told
                when the transaction ends. Without a session, or if it has no transaction, they are told at once.
            named: nothing. The dashboard's document has ``publish("product.updated", product_id="123")``, which does
                not say whose product, and which its own code never had.

        Returns:
            What is to be awaited.

        Raises:
            ConfigError: it is no `DataEvent`. Raised by the call itself, awaited or not.
        """
        if named or not isinstance(event, DataEvent):
            raise ConfigError(
                f"publish({event!r:.100}) does not say whose data changed; write "
                "await publish(DataEvent(EventType.PRODUCT_UPDATED, tenant_id, 'product', product_id), session)"
            )
        return self._publish(event, session)

    async def _publish(self, event: DataEvent, session: object) -> None:
        if session is None or not commits.keep(session, event, self):
            await self.deliver([event])

    async def deliver(self, events: Iterable[DataEvent]) -> None:
        """
        Tell of events now: those that say the same of the same entity once.

        What has happened is told to the end, also when who waits for that is cancelled.
        """
        from hitrate.lease.tasks import to_its_end

        distinct = _distinct(events)
        self._history.extend(distinct)
        await to_its_end(self._tell(distinct))

    def prepare(self, events: Iterable[DataEvent]) -> None:
        """Let nothing be served any more that events make wrong, where nothing can wait for `deliver`."""
        distinct = _distinct(events)
        for before in self._before:
            before(distinct)

    async def _tell(self, distinct: list[DataEvent]) -> None:
        from asyncio import gather

        calls = [callback(distinct) for callback in self._of_batches if distinct]
        calls += [callback(one) for one in distinct for callback in self._subscribers.get(one.event_type, ())]
        for result in await gather(*calls, return_exceptions=True):
            if isinstance(result, Exception):
                logger.error("a subscriber of events failed: %s", result, exc_info=result)

    def get_event_history(self, event_type: EventType | None = None, limit: int = 100) -> list[DataEvent]:
        """List the last `limit` of the last 1000 events that subscribers were told of, of one type if that is given."""
        found = [event for event in self._history if event_type in {None, event.event_type}]
        return found[-limit:] if limit > 0 else []


def _distinct(events: Iterable[DataEvent]) -> list[DataEvent]:
    return list({one.says(): one for one in events}.values())
