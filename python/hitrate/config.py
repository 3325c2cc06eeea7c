"""Settings that are more than one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

__all__ = ["Local"]


@dataclass(frozen=True, kw_only=True)
class Local:
    """
    The local cache of each process: ``Cache(url, local=Local())``. See docs/features/local.md.

    Attributes:
        max_bytes: bound of each process, keys and what keeping them takes included; 64 MiB by default.
        max_staleness: seconds, or a timedelta, for which the value of before may be served after the server has
            acknowledged a write, whatever happens to the network.
        max_ttl: seconds, or a timedelta, for which a copy is kept at most; None: as long as the server keeps the value.
        exclude: beginnings of keys that are never held, beside sessions, throttles, limits and locks.
        tracking: whether the server is asked to say what is written (RESP3). Without, a copy lives for `max_staleness`.
        negative: whether it is remembered that a key has no value.
    """

    max_bytes: int = 64 << 20
    max_staleness: float | timedelta = 1.0
    max_ttl: float | timedelta | None = None
    exclude: Sequence[str] = ()
    tracking: bool = True
    negative: bool = False

    def options(self) -> dict[str, Any]:
        """Return the native options that say the same."""
        return {f"local_{name}": getattr(self, name) for name in self.__dataclass_fields__}
