"""The switch that stops reading and filling entries, while forgetting goes on."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from hitrate.responses.switch import NAME, is_on

# The answer, once somebody asked. To ask for a setting that is not there takes 5 µs, and every hit asks.
_answer: list[bool] = []


def is_enabled() -> bool:
    """
    Tell whether entries are read and filled.

    Not if the process was started with ``HITRATE_ENABLED=0``, or the settings have ``HITRATE_ENABLED = False``.
    """
    if not _answer:
        said = (getattr(settings, NAME, True), os.environ.get(NAME, ""))
        _answer.append(all(map(is_on, said)))
    return _answer[0]


def ask_again(*, setting: str, **_: Any) -> None:
    """Ask settings and environment once more; tests change them."""
    if setting == NAME:
        _answer.clear()


setting_changed.connect(ask_again, dispatch_uid="hitrate.django.switch")
