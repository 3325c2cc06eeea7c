"""What the response cache did in this process, per view."""

from __future__ import annotations

from collections import Counter
from typing import Any

# Keys that are told apart per view; what exceeds it is shown as this.
MOST_KEYS = 10_000


class Numbers:
    """
    What became of the requests of one view.

    Attributes:
        outcomes: requests by what became of them: ``"hit"``, ``"stale"``, ``"error"`` (an old answer, because the view
            failed), ``"collapsed"`` (waited for another one's), ``"miss"``, ``"bypass"``.
        refusals: answers that were not stored, and requests that went past, by reason.
    """

    __slots__ = ("_keys", "outcomes", "refusals")

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self._keys: set[int] = set()

    def saw(self, key: str) -> None:
        """Note a key that was asked for and not found; found ones have been noted."""
        if len(self._keys) < MOST_KEYS:
            self._keys.add(hash(key))

    def snapshot(self) -> dict[str, Any]:
        """The numbers as they are now."""
        return {"outcomes": dict(self.outcomes), "refusals": dict(self.refusals), "keys": len(self._keys)}


_views: dict[str, Numbers] = {}


def numbers_of(view: str) -> Numbers:
    """The numbers of a view, by the name that the statistics show."""
    return _views.setdefault(view, Numbers())


def response_stats() -> dict[str, dict[str, Any]]:
    """
    Tell what the response cache did in this process since its start.

    Returns:
        By view (``"shop.views.ProductViewSet.list"``): ``outcomes``, requests by what became of them; ``refusals``,
        answers not stored and requests not served, by reason; ``keys``, how many different ones were missed, 10,000
        standing for that many or more.
    """
    return {name: numbers.snapshot() for name, numbers in list(_views.items())}
