"""Caches of one database whose keys cannot be told apart, so that ``clear()`` of one deletes those of the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning

from hitrate.cache import Cache
from hitrate.django.naming import aliases


@register(Tags.caches)
def check_prefixes(**_: Any) -> list[CheckMessage]:
    """Report caches whose ``clear()`` deletes the keys of another one, though it has another prefix."""
    return [
        CheckWarning(
            f"CACHES['{alias}']: clear() deletes the keys of CACHES['{other}'] too: a key of the prefix "
            f"'{found._prefix}' looks like one of '{cache._prefix}'.",  # noqa: SLF001
            hint="Choose prefixes of which none begins with another, or another database for one of them.",
            id="hitrate.W012",
        )
        for alias, cache in aliases()
        for other, found in neighbours(cache)
    ]


def neighbours(cache: Cache) -> Iterator[tuple[str, Cache]]:
    """Yield caches of the settings with another prefix, whose keys in this database `cache` takes for its own."""
    for alias, other in aliases():
        is_apart = other._database != cache._database or other._prefix == cache._prefix  # noqa: SLF001
        if not is_apart and cache._owns(other.make_key("key").encode()):  # noqa: SLF001
            yield alias, other
