"""Settings for Django's own tests, as its ``runtests.py`` wants them."""

from __future__ import annotations

import os

from test_sqlite import *  # noqa: F403

CACHES = {
    "default": {
        "BACKEND": "hitrate.django.RedisCache",
        "LOCATION": os.environ["HITRATE_SUITE_URL"],
        "OPTIONS": {"TIMEOUT": 10},  # busy machines are slow at times
    }
}
