"""The publisher and the subscriber that a process has one of."""

from __future__ import annotations

from hitrate.layouts.fastapi_dashboard.events import EventPublisher
from hitrate.layouts.fastapi_dashboard.manager import CacheManager
from hitrate.layouts.fastapi_dashboard.subscriber import CacheInvalidationSubscriber

_publisher = EventPublisher()
_subscriber: list[CacheInvalidationSubscriber] = []


def get_event_publisher() -> EventPublisher:
    """Return the publisher of this process."""
    return _publisher


def initialize_cache_invalidation(cache_manager: CacheManager) -> CacheInvalidationSubscriber:
    """Let the events of this process's publisher clear a manager's entries, from now on those of no other manager."""
    if _subscriber:
        _subscriber[0].cache_manager = cache_manager
    else:
        _subscriber.append(CacheInvalidationSubscriber(cache_manager, _publisher))
    return _subscriber[0]


def get_cache_subscriber() -> CacheInvalidationSubscriber | None:
    """Return the subscriber of this process, if there is one."""
    return _subscriber[0] if _subscriber else None
