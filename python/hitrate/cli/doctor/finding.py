"""One thing that an examination found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Level(str, Enum):
    """How much a finding matters."""

    OK = "ok"
    """As it should be."""
    INFO = "info"
    """Worth knowing; nothing need be done."""
    WARNING = "warning"
    """Works today, and will hurt under load, in a failure or in an attack."""
    PROBLEM = "problem"
    """Does not work, or loses or exposes data."""

    @property
    def severity(self) -> int:
        """0 for ok to 3 for a problem."""
        return list(Level).index(self)


@dataclass(frozen=True)
class Finding:
    """
    One thing that was found. No text and no value ever holds a password or a cached value.

    Attributes:
        check: what was looked at, ``"memory.policy"``; stable.
        level: how much it matters.
        found: what was found, with the value; a sentence without its full stop.
        value: the same for programs: JSON's types; durations in seconds, sizes in bytes.
        why: why it matters; empty when it does not.
        advice: what to do: a command or a setting; empty when there is nothing to do.
    """

    check: str
    level: Level
    found: str
    value: Any = None
    why: str = ""
    advice: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON has it: its attributes by their names."""
        return {
            "check": self.check,
            "level": self.level.value,
            "found": self.found,
            "value": self.value,
            "why": self.why,
            "advice": self.advice,
        }


def ok(check: str, found: str, value: Any = None) -> Finding:
    """Make a finding that all is well."""
    return Finding(check, Level.OK, found, value)


def info(check: str, found: str, value: Any = None, *, why: str = "", advice: str = "") -> Finding:
    """Make a finding that is worth knowing."""
    return Finding(check, Level.INFO, found, value, why, advice)


def warning(check: str, found: str, value: Any = None, *, why: str, advice: str) -> Finding:
    """Make a finding that will hurt some day."""
    return Finding(check, Level.WARNING, found, value, why, advice)


def problem(check: str, found: str, value: Any = None, *, why: str, advice: str) -> Finding:
    """Make a finding that hurts now."""
    return Finding(check, Level.PROBLEM, found, value, why, advice)


def config_set(settings: Mapping[str, str]) -> str:
    """Say how to change settings of the server."""
    commands = "; ".join(f"CONFIG SET {name} {value}" for name, value in settings.items())
    return f"{commands}; then CONFIG REWRITE, or edit the server's configuration, or a restart forgets it"
