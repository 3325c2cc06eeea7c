"""Settings for Django's own tests, as its ``runtests.py`` wants them."""

from __future__ import annotations

import os
import time

from test_sqlite import *  # noqa: F403

CACHES = {
    "default": {
        "BACKEND": "hitrate.django.RedisCache",
        "LOCATION": os.environ["HITRATE_SUITE_URL"],
        "OPTIONS": {"TIMEOUT": 10},  # busy machines are slow at times
    }
}

_sleep = time.sleep


def _sleep_longer(seconds: float) -> None:
    """
    Sleep until a lifetime of so many seconds is over.

    The tests sleep for exactly a lifetime, and the server counts whole milliseconds: it may be one short of it then.
    """
    _sleep(seconds + 0.005)


time.sleep = _sleep_longer
