"""Vary: the request headers that an answer depends on (RFC 9110, section 12.5.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from hitrate.http.fields import MAX_CHARS, TOKEN, split_list

MAX_NAMES = 32


@dataclass(frozen=True, slots=True)
class Vary:
    """
    What an answer varies on.

    Attributes:
        names: of request headers, in lower case, each once.
        is_any: it varies on more than headers (``*``), or nobody can tell: a field that is no list of names, or of
            more than 32. `names` is empty then.
    """

    names: tuple[str, ...] = ()
    is_any: bool = False

    @classmethod
    def of(cls, names: Iterable[str]) -> Vary:
        """Vary on these headers; ``*`` among them is any."""
        found = tuple(dict.fromkeys(name.strip().lower() for name in names))
        is_any = len(found) > MAX_NAMES or any(name == "*" or not TOKEN.fullmatch(name) for name in found)
        return ANY if is_any else cls(found)

    @classmethod
    def parse(cls, text: str | None) -> Vary:
        """Read a field: its lines joined by commas, or None for an absent one."""
        if not text:
            return cls()
        return ANY if len(text) > MAX_CHARS else cls.of(split_list(text))

    def merged(self, other: Vary) -> Vary:
        """Vary on what either varies on."""
        return ANY if self.is_any or other.is_any else Vary.of((*self.names, *other.names))

    def without(self, covered: Collection[str]) -> Vary:
        """
        The same without headers that the key covers in another way.

        Args:
            covered: for example ``{"cookie", "authorization"}`` where the key carries the user.
        """
        return self if self.is_any else Vary(tuple(name for name in self.names if name not in covered))

    def __contains__(self, name: str) -> bool:
        return self.is_any or name in self.names

    def __str__(self) -> str:
        return "*" if self.is_any else ", ".join(name.title() for name in self.names)


ANY = Vary(is_any=True)
