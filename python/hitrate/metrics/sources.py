"""Which caches there are, and what each is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hitrate.cache import Cache, live_caches

Source = Callable[[], Iterable[tuple[str, Cache]]]
"""Finds caches that have a name."""

# Adapters whose framework names caches put theirs here when they are imported.
naming: list[Source] = []

# Prefixes may be made of tenants or users, and every label is a time series for ever.
MOST_PREFIXES = 50


def given(caches: Mapping[str, Cache]) -> Source:
    """Make a source of caches that were named by the user, who thereby keeps them alive."""
    named = dict(caches)
    return lambda: list(named.items())


class Everything:
    """
    The source of all caches of this process.

    What comes first names a cache: a framework, then its prefix. Two caches under one name are added up.
    """

    def __init__(self) -> None:
        self._prefixes: set[str] = set()

    def __call__(self) -> Iterator[tuple[str, Cache]]:
        """Yield names and caches; a cache may come twice."""
        for source in naming:
            yield from source()
        for cache in live_caches():
            yield self._name(cache._prefix), cache  # noqa: SLF001 (for us)

    def _name(self, prefix: str) -> str:
        name = prefix or "unnamed"
        if name not in self._prefixes and len(self._prefixes) >= MOST_PREFIXES:
            return "other"
        self._prefixes.add(name)
        return name
