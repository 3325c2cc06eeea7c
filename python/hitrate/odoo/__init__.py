"""Odoo: a cache that all workers share, forgotten after the commit; beside the cache of the ORM, never in its place."""

from __future__ import annotations

from hitrate.odoo.address import client_address
from hitrate.odoo.clients import cache_of
from hitrate.odoo.commit import forget_keys, invalidate
from hitrate.odoo.decorators import cached
from hitrate.odoo.entries import Answer, remember
from hitrate.odoo.events import on_change_of_state
from hitrate.odoo.limits import once_per_request, rate_limited
from hitrate.odoo.mixin import CacheMixin
from hitrate.odoo.rules import Rule, forgets
from hitrate.odoo.settings import Settings, settings_of
from hitrate.odoo.snapshots import snapshot_age

__all__ = [
    "Answer",
    "CacheMixin",
    "Rule",
    "Settings",
    "cache_of",
    "cached",
    "client_address",
    "forget_keys",
    "forgets",
    "invalidate",
    "on_change_of_state",
    "once_per_request",
    "rate_limited",
    "remember",
    "settings_of",
    "snapshot_age",
]
