"""Answers that are not stored: who asks for one waits for nobody, or all would wait in turn ("hit-for-miss")."""

from __future__ import annotations

import time
from typing import TypeAlias

from hitrate.lease.rules import Made

Name: TypeAlias = tuple[int, str]
"""Of an answer in this process: cache and key."""

# For so long after such an answer the next one is taken to be of the kind.
SECONDS = 5.0
# More are forgotten, all at once: that costs a wait.
_MAX = 1024

# Its single operations are atomic, so that a fork finds no lock taken.
_until: dict[Name, float] = {}


def note(name: Name, made: Made[object] | None) -> None:
    """
    Remember what a rebuild came to.

    Args:
        name: of the answer.
        made: what it gave; None: it raised.
    """
    if made is not None and made.may_be_stored and not made.has_failed:
        _until.pop(name, None)
        return
    if len(_until) >= _MAX:
        _until.clear()
    _until[name] = time.monotonic() + SECONDS


def is_expected(name: Name) -> bool:
    """Whether the last rebuild, a short while ago, came to nothing that is stored."""
    until = _until.get(name)
    if until is None:
        return False
    if time.monotonic() < until:
        return True
    _until.pop(name, None)
    return False
