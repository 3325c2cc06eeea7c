"""What is wrong with a setting: said once, for the system checks and for the error at use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """
    One thing that is wrong with the settings of a cache. Neither text ever holds a password.

    Attributes:
        code: ``E001`` and so on for what cannot work, ``W001`` and so on for what is dangerous or has no effect.
        text: what is wrong.
        hint: what to do.
    """

    code: str
    text: str
    hint: str

    @classmethod
    def unknown(cls, shown: str, name: str, known: Iterable[str]) -> Problem:
        """Say that an option is unknown, and which one may have been meant."""
        # Of two that differ in case alone, the one written as the given name is.
        choices = sorted(known, key=lambda choice: choice.isupper() == str(name).isupper())
        folded = {choice.lower(): choice for choice in choices}
        near = get_close_matches(str(name).lower(), folded, n=1, cutoff=0.75)
        listed = "remove it; docs/features/django.md lists what is known"
        hint = f"did you mean '{folded[near[0]]}'?" if near else listed
        return cls("E003", f"unknown option '{shown}'", hint)

    @property
    def is_error(self) -> bool:
        """Whether the cache cannot be used."""
        return self.code.startswith("E")
