"""Time that passes between two steps: at random, mostly little."""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from hitrate import invalidation
from hitrate.lease import Place


class _Here(threading.local):
    """
    Attributes:
        random: this thread's choices.
    """

    random = random.Random()


here = _Here()


def pause() -> None:
    """Let others run, or not, for a time that is mostly short."""
    chance = here.random.random()
    if chance < 0.4:
        time.sleep(0)
    elif chance < 0.5:
        time.sleep(here.random.random() * 0.03)
    elif chance < 0.8:
        time.sleep(here.random.expovariate(1000))


def part_the_steps() -> None:
    """Let time pass within hitrate, too: before a lease, before a fill, and between the verbs that forget."""
    for name in ("lease", "keep_response", "keep_value"):
        setattr(Place, name, _after_a_pause(getattr(Place, name)))
    calls = invalidation._calls

    def parted(*args: Any) -> Generator[Any, Any, Any]:
        steps = calls(*args)
        step = next(steps)
        while True:
            pause()
            try:
                step = steps.send((yield step))
            except StopIteration as end:
                return end.value

    invalidation._calls = parted


def _after_a_pause(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def paused(*args: Any, **kwargs: Any) -> Any:
        pause()
        return method(*args, **kwargs)

    return paused
