"""
The keys of the ERP "Nalar" (Masozee): ``nalar:{version}:{prefix}:{view function}:{pk:.. or nothing}:{query}``.

Every function returns the key that code hands to Django's cache; `redis_key` is what the server holds then.
"""

from __future__ import annotations

from hitrate._native import normalise_query
from hitrate.layouts.entry import Entry, Event

__all__ = [
    "DEFAULT_TTL",
    "ENTRIES",
    "HEALTH_CHECK",
    "POSITION_CHANGED",
    "PREFIX",
    "invalidation_pattern",
    "redis_key",
    "response_key",
    "session_key",
    "throttle_key",
]

PREFIX = "nalar"
DEFAULT_TTL = 300
HEALTH_CHECK = "health_check"

POSITION_CHANGED = Event("crm_positions created, changed or deleted")

# list prefix, detail prefix, seconds of each
_VIEWS = (
    ("employees", "employee_detail", 300, 600),
    ("crm_organizations", "crm_organization_detail", 600, 1800),
    ("crm_contacts", "crm_contact_detail", 300, 600),
    ("asset_assignments", "asset_assignment_detail", 300, 600),
    ("asset_transfers", "asset_transfer_detail", 300, 600),
    ("asset_checkouts", "asset_checkout_detail", 300, 600),
    ("assets", "asset_detail", 300, 600),
    ("maintenance_schedules", "maintenance_schedule_detail", 300, 600),
    ("maintenance_records", "maintenance_record_detail", 300, 600),
    ("expense_requests", "expense_request_detail", 180, 600),
    ("expense_advances", "expense_advance_detail", 180, 600),
    ("warehouses", "warehouse_detail", 600, 1800),
    ("skus", "sku_detail", 300, 600),
    ("purchase_orders", "purchase_order_detail", 180, 600),
)


def _entries() -> tuple[Entry, ...]:
    entries = [Entry("crm_positions:list::{query}", 600, (POSITION_CHANGED,))]
    for plural, detail, list_ttl, detail_ttl in _VIEWS:
        created, changed = Event(f"{plural} created"), Event(f"{plural} changed or deleted")
        also = (POSITION_CHANGED,) if plural == "crm_contacts" else ()
        entries += [
            Entry(f"{plural}:list::{{query}}", list_ttl, (created, changed, *also)),
            Entry(f"{detail}:retrieve:pk:{{pk}}:{{query}}", detail_ttl, (changed, *also)),
        ]
    return tuple(entries)


ENTRIES = _entries()


def redis_key(key: str, *, version: int = 1) -> str:
    """The key as Redis holds it."""
    return f"{PREFIX}:{version}:{key}"


def response_key(key_prefix: str, function: str, *, pk: object = None, query: str | None = None) -> str:
    """
    The key of a response that ``cache_api_response`` stores.

    Args:
        key_prefix: the decorator's, for example ``"employees"``.
        function: name of the view method, for example ``"list"``.
        pk: the URL argument of that name; anything false counts as none. No other URL argument counts.
        query: the raw query string. Names stand in order of first appearance, each with all its values.
    """
    row = f"pk:{pk}" if pk else ""
    return f"{key_prefix}:{function}:{row}:{normalise_query(query) if query else ''}"


def invalidation_pattern(pattern: str) -> str:
    """The glob that ``invalidate_cache(pattern)`` looks for: any version, and any text before the pattern."""
    return f"{PREFIX}:*:{pattern}"


def throttle_key(scope: str, ident: object) -> str:
    """The key of a throttle of Django REST framework: `scope` is ``"anon"`` or ``"user"``."""
    return f"throttle_{scope}_{ident}"


def session_key(session_id: str) -> str:
    """The key of a session of ``django.contrib.sessions.backends.cache``."""
    return f"django.contrib.sessions.cache{session_id}"
