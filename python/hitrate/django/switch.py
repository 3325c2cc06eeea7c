"""The switch that stops reading and filling entries, while forgetting goes on."""

from __future__ import annotations

import os

from django.conf import settings

_OFF = {"0", "false", "no", "off"}


def is_enabled() -> bool:
    """
    Tell whether entries are read and filled.

    Not if the environment has ``HITRATE_ENABLED=0`` or the settings ``HITRATE_ENABLED = False``.
    """
    return _is_on(getattr(settings, "HITRATE_ENABLED", True)) and _is_on(os.environ.get("HITRATE_ENABLED", ""))


def _is_on(said: object) -> bool:
    return said is True or (said is not False and str(said).strip().lower() not in _OFF)
