"""The switch that stops reads and fills, while forgetting goes on."""

from __future__ import annotations

import os

_OFF = {"0", "false", "f", "no", "n", "off"}
_NAMES = ("HITRATE_ENABLED", "CACHE_ENABLED")


def is_enabled() -> bool:
    """Tell whether entries are read and filled: not while ``HITRATE_ENABLED`` or ``CACHE_ENABLED`` says no."""
    return all(os.environ.get(name, "").strip().lower() not in _OFF for name in _NAMES)
