"""Cache-Control, read and written (RFC 9111, section 5.2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hitrate.http.fields import CONTROL, MAX_CHARS, TOKEN, quoted, split_list, unquoted

# What RFC 9111, section 1.2.2, makes of longer times.
MAX_SECONDS = 2**31


@dataclass(frozen=True, slots=True)
class CacheControl:
    """
    The directives of a Cache-Control field.

    Attributes:
        directives: name in lower case, and its argument without quotes (None without one), in the order of the field,
            unknown and repeated ones included.
        is_cut: the field was too long, and the rest of it was not read.
    """

    directives: tuple[tuple[str, str | None], ...] = ()
    is_cut: bool = False

    @classmethod
    def parse(cls, text: str | None) -> CacheControl:
        """
        Read a field. What is no directive is left out.

        Args:
            text: the value, lines joined by commas; None for an absent field.
        """
        if not text:
            return NONE
        found: list[tuple[str, str | None]] = []
        for part in split_list(CONTROL.sub(" ", text[:MAX_CHARS])):
            name, equals, argument = part.partition("=")
            name = name.strip().lower()
            if TOKEN.fullmatch(name):
                found.append((name, unquoted(argument.strip()) if equals else None))
        return cls(tuple(found), is_cut=len(text) > MAX_CHARS)

    def __contains__(self, name: str) -> bool:
        return any(found == name for found, _ in self.directives)

    def seconds(self, name: str) -> int | None:
        """
        The argument of a directive that counts seconds, None without the directive.

        The least of several, and 0 for what is no number, so that an unclear answer is stale rather than too old.
        """
        found = [delta_seconds(argument) for directive, argument in self.directives if directive == name]
        return min(found) if found else None

    def without(self, names: Collection[str]) -> CacheControl:
        """The same without these directives."""
        return CacheControl(tuple(one for one in self.directives if one[0] not in names), self.is_cut)

    def adding(self, name: str, argument: int | None = None) -> CacheControl:
        """The same with this directive in the place of all of its name."""
        directive = (name, None if argument is None else str(argument))
        return CacheControl((*self.without((name,)).directives, directive), self.is_cut)

    def __str__(self) -> str:
        return ", ".join(
            name if argument is None else f"{name}={quoted(argument)}" for name, argument in self.directives
        )


def delta_seconds(argument: str | None) -> int:
    """A number of seconds, at most 2**31; 0 for what is none."""
    if not argument or not (argument.isascii() and argument.isdigit()):
        return 0
    digits = argument.lstrip("0")
    return min(int(digits or "0"), MAX_SECONDS) if len(digits) <= 10 else MAX_SECONDS


NONE = CacheControl()
