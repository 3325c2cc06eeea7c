"""What a layout is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """
    Something that happens to data, and makes entries wrong.

    Attributes:
        name: what happened, for readers: ``"product changed"``.
        fields: fields of keys that the event knows the value of. An entry that the event clears is cleared for these
            values only, and for every value of its other fields.
    """

    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """
    One kind of cache entry.

    Attributes:
        key: the key as a template, without prefix and version: ``"product:{id}:variants"``.
        ttl: lifetime in seconds.
        cleared_by: the events after which such entries are wrong.
    """

    key: str
    ttl: int
    cleared_by: tuple[Event, ...] = ()
