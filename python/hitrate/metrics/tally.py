"""Adding up: counters never go back, though caches come and go."""

from __future__ import annotations

import os
import weakref
from collections import Counter

from hitrate.cache import Cache
from hitrate.metrics.families import Series, samples
from hitrate.metrics.sources import Source


class Tally:
    """
    The numbers of all caches that some sources ever found in this process. Not for several threads at once.

    A cache keeps the name under which it was found first. What one that is gone had counted when it was last looked at
    stays in the sum. A forked child begins at zero, as its caches do.
    """

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._known: dict[int, tuple[str, weakref.ref[Cache]]] = {}
        self._last: dict[int, dict[Series, float]] = {}
        self._gone: Counter[Series] = Counter()

    def read(self) -> dict[Series, float]:
        """Look at every cache and return the sums."""
        if self._pid != os.getpid():
            self._forget()
        self._bury()
        for source in self.sources:
            for name, cache in source():
                self._known.setdefault(id(cache), (name, weakref.ref(cache)))
        total = Counter(self._gone)
        for key, (name, reference) in self._known.items():
            cache_now = reference()
            if cache_now is not None:
                self._last[key] = samples(name, cache_now.stats())
            for series, number in self._last.get(key, {}).items():
                total[series] += number  # type: ignore[assignment]  # a Counter counts floats as well
        return dict(total)

    def _bury(self) -> None:
        """Before new caches are looked for, which may stand at the address of an old one."""
        for key in [key for key, (_, reference) in self._known.items() if reference() is None]:
            del self._known[key]
            for series, number in self._last.pop(key, {}).items():
                if series.family.kind != "gauge":
                    self._gone[series] += number  # type: ignore[assignment]  # as above
