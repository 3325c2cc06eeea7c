"""Rate limits: how many calls somebody may make in a time, counted for all processes at once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hitrate._native import Decision, Limit, Limiter
from hitrate._native import limits_of as _limits_of

__all__ = ["Decision", "Limit", "RateLimiter"]

# A log takes some ten bytes of the server for each call, and the whole of it when a window ends.
LARGEST_LOG = 1000


class RateLimiter(Limiter):
    """
    Limits how often somebody may do something, exactly, for all threads and processes that ask the same server.

    Args:
        cache: whose server counts; a `hitrate.Cache`.
        limits: a text such as ``"100/minute"``, or several: ``"5/s, 100/minute"``; a `Limit`; a list of either; or a
            dict of them, by what they are called.
        algorithm: ``"sliding_window"`` (default) weighs the window before this one; ``"fixed_window"`` counts windows
            one by one; ``"sliding_log"`` remembers every call; ``"gcra"`` lets calls through at an even pace, with a
            burst; ``"once"`` allows one call per window.
        on_error: what is decided while the server is away. ``"memory"`` (default): each process counts for itself, by
            the same algorithm. ``"allow"``, ``"deny"``: everybody, nobody. ``"raise"``: a `ServerError`.
        workers: processes that share the limits while each counts for itself: each allows that part of them.
        max_staleness: seconds for which a refusal is repeated without asking the server again, at most. 1 by default;
            0: it is always asked.
        max_bytes: bound of what this process counts for itself; what was used least lately is forgotten first.
        count_refused: whether refused calls count too, so that who keeps trying stays refused; with ``"sliding_log"``.
        verbatim: whether who is limited is the key on the server, behind the cache's prefix, for one limit whose key
            other code shares.

    Limiters of the same cache share what they counted if they have one limit each, or the same limits in the same
    order: the same names, algorithms and times.

    Raises:
        ConfigError: a limit or an option that cannot be meant; the message names it.
    """

    if not TYPE_CHECKING:  # for which the arguments are those of the native class

        def __init__(self, *_args: Any, **_options: Any) -> None:
            _warn_of_large_logs(self.limits)

    async def ahit(self, key: str | dict[str, str | None], cost: int | None = None) -> Decision:
        """Ask whether a call is allowed, and count it if it is, as `hit` does."""
        return await self._ahit(key, cost)

    async def apeek(self, key: str | dict[str, str | None], cost: int | None = None) -> Decision:
        """Tell whether a hit would be allowed, as `peek` does."""
        return await self._apeek(key, cost)

    async def areset(self, key: str | dict[str, str | None]) -> bool:
        """Forget everything that was counted of somebody, as `reset` does."""
        return await self._areset(key)

    async def astats(self) -> dict[str, Any]:
        """Tell what became of calls in this process, as `stats` does."""
        return self.stats()


def limits_of(limits: Any, **options: Any) -> tuple[Limit, ...]:
    """
    Tell which limits a limiter has, and whether it could be made, before there is a cache that counts.

    Args:
        limits: as `RateLimiter` takes them, as are `options`; with ``cost=``, of all calls, it must be one that each of
            them can ever allow.

    Raises:
        ConfigError: as of `RateLimiter`.
    """
    found = _limits_of(limits, **options)
    _warn_of_large_logs(found)
    return found


def _warn_of_large_logs(limits: tuple[Limit, ...]) -> None:
    for limit in limits:
        if limit.algorithm == "sliding_log" and limit.count > LARGEST_LOG:
            warnings.warn(
                f"limit '{limit.name}' remembers up to {limit.count} calls of everybody; above {LARGEST_LOG} "
                "use another algorithm than 'sliding_log'",
                RuntimeWarning,
                stacklevel=3,
            )
