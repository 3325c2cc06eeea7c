"""For how long an entry is good, and what comes of asking for one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from hitrate._native import Entry
from hitrate.exceptions import ConfigError
from hitrate.lease.place import Times

T = TypeVar("T")

# Seconds: servers count in milliseconds.
SHORTEST = 0.001

Forward: TypeAlias = Literal["hit", "collapsed", "stale", "error"]
"""How an entry was come by: found; waited for; old while another one rebuilds; old because the rebuild failed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    How long an entry is good, and what happens when it no longer is. All in seconds.

    Attributes:
        fresh: how long it is served without a thought.
        stale: for how much longer it is served while one request rebuilds it.
        stale_on_error: for how much longer it is served when the rebuild fails.
        lease: how long a rebuild may take before another one is begun: what a crashed one costs.
        wait: how long others wait for a rebuild before they do it for themselves, without storing it.
        jitter: by which part of itself, at most, `fresh` is shortened at random, so that what was filled together
            does not expire together.

    Raises:
        ConfigError: a value that cannot be meant.
    """

    fresh: float
    stale: float = 0.0
    stale_on_error: float = 0.0
    lease: float = 10.0
    wait: float = 5.0
    jitter: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("fresh", "stale", "stale_on_error", "wait"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} of {getattr(self, name)!r} for cached answers; use seconds, 0 or more")
        if not 0 < self.lease < float("inf"):
            raise ConfigError(f"lease of {self.lease!r} for cached answers; use seconds, more than 0")
        if not 0 <= self.jitter < 1:
            raise ConfigError(f"jitter of {self.jitter!r} for cached answers; use a part, 0 or more and less than 1")

    @property
    def keep_nothing(self) -> bool:
        """Whether an entry would be over as soon as it is there."""
        return not (self.fresh or self.stale or self.stale_on_error)

    def times(self, fresh: float | None = None, *, age: float = 0.0, older_by: float = 0.0) -> Times:
        """
        How long an answer that is made now is good.

        Args:
            fresh: for how long from now, where the answer itself allows less than the rules do.
            age: how old it is already.
            older_by: how much older than now what it was made from may be.
        """
        allowed = self.fresh if fresh is None else min(fresh, self.fresh)
        # It spreads the load and guards nothing, so that it need not be hard to guess.
        shortened = allowed * (1 - self.jitter * random.random())  # noqa: S311
        lifetime = max(shortened + max(self.stale, self.stale_on_error), SHORTEST)
        return {"fresh": age + shortened, "lifetime": lifetime, "older_by": older_by}


@dataclass(frozen=True, slots=True)
class Found:
    """
    An entry to answer with.

    Attributes:
        entry: the answer.
        forward: how it was come by.
    """

    entry: Entry
    forward: Forward = "hit"


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """
    What a rebuild gave.

    Attributes:
        result: for whoever asked.
        was_stored: others find it in the cache.
        may_be_stored: it would have been, had the lease held; False for answers that are never stored.
        has_failed: it is a failure in the form of an answer, and an old one is preferred to it.
    """

    result: T
    was_stored: bool = False
    may_be_stored: bool = True
    has_failed: bool = False
