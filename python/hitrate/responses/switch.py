"""The switch that stops reading and filling entries, while forgetting goes on: ``HITRATE_ENABLED=0``."""

from __future__ import annotations

import os

NAME = "HITRATE_ENABLED"

_OFF = {"0", "false", "f", "no", "n", "off"}
# What the environment said, once somebody asked: every hit does.
_answer: list[bool] = []


def is_on(said: object) -> bool:
    """Whether a value of the switch leaves entries on."""
    return str(said).strip().lower() not in _OFF


def is_enabled() -> bool:
    """Tell whether this process reads and fills entries: not if it was started with ``HITRATE_ENABLED=0``."""
    if not _answer:
        _answer.append(is_on(os.environ.get(NAME, "")))
    return _answer[0]


def ask_again() -> None:
    """Ask the environment once more; tests change it."""
    _answer.clear()
