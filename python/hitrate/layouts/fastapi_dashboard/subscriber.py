"""Forgetting what an event makes wrong, and telling what was forgotten."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from hitrate.layouts.fastapi_dashboard import patterns
from hitrate.layouts.fastapi_dashboard.events import MEANS, DataEvent, EventPublisher, utc_now
from hitrate.layouts.fastapi_dashboard.manager import CacheManager

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")

_MAX_LOG = 1000


class CacheInvalidationSubscriber:
    """
    Forgets what events make wrong: the dashboards of their tenant, and the entries of the product concerned.

    Args:
        cache_manager: where it forgets.
        event_publisher: who tells.
    """

    def __init__(self, cache_manager: CacheManager, event_publisher: EventPublisher) -> None:
        self.cache_manager = cache_manager
        self.event_publisher = event_publisher
        self._log: deque[dict[str, Any]] = deque(maxlen=_MAX_LOG)
        event_publisher.subscribe_batches(self.handle_events, self.postpone_events)

    async def handle_event(self, event: DataEvent) -> None:
        """Forget what an event makes wrong."""
        await self.handle_events([event])

    async def handle_events(self, events: Iterable[DataEvent]) -> None:
        """Forget what events make wrong: in one walk over the keys of each tenant, however many events there are."""
        from asyncio import gather

        # At once, so that tenants wait for one deadline together.
        await gather(*(self._forget(tenant, told) for tenant, told in _by_tenant(events).items()))

    def postpone_events(self, events: Iterable[DataEvent]) -> None:
        """Take what events make wrong for a miss from now on, and let it be forgotten later. Without I/O."""
        for tenant, told in _by_tenant(events).items():
            self.cache_manager.postpone_beginnings(tenant, _beginnings(_wrong_after(tenant, told)))

    async def _forget(self, tenant: str, told: list[DataEvent]) -> None:
        wrong = _wrong_after(tenant, told)
        deleted = await self.cache_manager.clear_beginnings(tenant, _beginnings(wrong))
        for event, kinds in zip(told, wrong, strict=True):
            # What two events make wrong is forgotten once, and counted once.
            counts = [(kind, beginning, deleted.pop(beginning, 0)) for kind, beginning in kinds]
            self._note(event, counts)

    def _note(self, event: DataEvent, counts: list[tuple[str, str, int]]) -> None:
        total = sum(count for _, _, count in counts)
        entry = {
            "timestamp": utc_now().isoformat(),
            "event_type": event.event_type.value,
            "tenant_id": f"{event.tenant_id}",
            "entity_type": event.entity_type,
            "entity_id": event.entity_id,
            "invalidated_caches": [
                {"cache_type": kind, "pattern": f"{beginning}:*", "count": count}
                for kind, beginning, count in counts
                if count
            ],
            "total_keys_invalidated": total,
        }
        self._log.append(entry)
        logger.info("%d cache entries were forgotten after %s", total, event)

    def get_invalidation_log(self, tenant_id: object = None, limit: int = 100) -> list[dict[str, Any]]:
        """List what events made us forget: the last `limit` of the last 1000, of one tenant if that is given."""
        found = [entry for entry in self._log if tenant_id is None or entry["tenant_id"] == f"{tenant_id}"]
        return found[-limit:] if limit > 0 else []

    def get_invalidation_stats(self) -> dict[str, Any]:
        """
        Sum up the log.

        Returns:
            ``total_invalidation_events``, ``total_keys_invalidated``, ``by_event_type`` and
            ``average_keys_per_event``, the integer 0 without events.
        """
        total = sum(entry["total_keys_invalidated"] for entry in self._log)
        return {
            "total_invalidation_events": len(self._log),
            "total_keys_invalidated": total,
            "by_event_type": dict(Counter(entry["event_type"] for entry in self._log)),
            "average_keys_per_event": total / len(self._log) if self._log else 0,
        }


def _by_tenant(events: Iterable[DataEvent]) -> dict[str, list[DataEvent]]:
    tenants: dict[str, list[DataEvent]] = {}
    for event in events:
        tenants.setdefault(f"{event.tenant_id}", []).append(event)
    return tenants


def _wrong_after(tenant: str, told: list[DataEvent]) -> list[list[tuple[str, str]]]:
    return [patterns.concerned(MEANS[event.event_type], tenant, event.product_id) for event in told]


def _beginnings(wrong: list[list[tuple[str, str]]]) -> set[str]:
    return {beginning for kinds in wrong for _, beginning in kinds}
