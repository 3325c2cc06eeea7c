"""The switch that stops reading and filling entries, while forgetting goes on."""

from __future__ import annotations

import logging
import os
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.signals import setting_changed

from hitrate.django.naming import native
from hitrate.responses.switch import NAME, is_on

logger = logging.getLogger("hitrate")

# The answers, once somebody asked. To ask for a setting that is not there takes 5 µs, and every hit asks.
_answers: dict[str, bool] = {}


def is_enabled(cache: str = "default") -> bool:
    """
    Tell whether entries of a cache are read and filled.

    Not if the process was started with ``HITRATE_ENABLED=0``, the settings have ``HITRATE_ENABLED = False``, or the
    cache is another backend's: a `DummyCache` on a developer's machine, or the one that was there before.

    Args:
        cache: its alias.
    """
    found = _answers.get(cache)
    if found is None:
        said = (getattr(settings, NAME, True), os.environ.get(NAME, ""))
        found = _answers[cache] = all(map(is_on, said)) and _keeps_entries(cache)
    return found


def _keeps_entries(cache: str) -> bool:
    backend = caches[cache]
    if native(backend) is not None:
        return True
    if not isinstance(backend, DummyCache):
        shown = type(backend).__name__
        logger.warning("no answer is kept in CACHES['%s'], a %s; use hitrate.django.RedisCache", cache, shown)
    return False


def ask_again(*, setting: str, **_: Any) -> None:
    """Ask settings and environment once more; tests change them."""
    if setting in {NAME, "CACHES"}:
        _answers.clear()


setting_changed.connect(ask_again, dispatch_uid="hitrate.django.switch")
