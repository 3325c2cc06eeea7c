"""What a failure of the cache means to this shop: a line in the log, and an answer as if nothing were cached."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

logger = logging.getLogger("hitrate.layouts.django_ecommerce")


def attempt(verb: str, otherwise: Answer, call: Callable[[], Answer]) -> Answer:
    """
    Return what the call returns; if it raises, log it and return something else.

    Args:
        verb: what is attempted, as the log names it: ``"SET"``.
        otherwise: returned after a failure.
        call: does it.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 (callers of the original know no exceptions of the cache, of any kind)
        logger.error("Redis %s error: %s", verb, error)
        return otherwise
