"""
REST framework's tests of throttles, with our classes in the place of its own. Runs as a program beside them.

Arguments: the URL of a server, and the file that moves its clock.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from tests.faults.wall_clock import WallClock

URL, CLOCK = sys.argv[1], WallClock(Path(sys.argv[2]))

settings.configure(
    SECRET_KEY="only for tests",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    # Busy machines are slow at times.
    CACHES={"default": {"BACKEND": "hitrate.django.RedisCache", "LOCATION": URL, "OPTIONS": {"TIMEOUT": 10}}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    USE_TZ=True,
)
django.setup()

from django.test.utils import get_runner  # noqa: E402
from rest_framework import throttling as theirs  # noqa: E402

import hitrate  # noqa: E402
from hitrate.django import throttling as ours  # noqa: E402

for name in ours.__all__:
    setattr(theirs, name, getattr(ours, name))
# The tests move the clock by a minute in no time, and no refusal of the minute before is to be repeated from memory.
ours.SimpleRateThrottle.max_staleness = 0

import test_throttling as suite  # noqa: E402

# A test begins at a time of its own, which is later than every time of the tests before.
DAY = 86_400
began = 0
server = hitrate.Cache(URL, timeout=10)


def told() -> float:
    """What the server takes for the time of day."""
    seconds, microseconds = map(int, server.execute("TIME"))
    return seconds + microseconds / 1e6


def jump(seconds: int) -> None:
    """Set the server's clock to the real time plus that many seconds, and wait until it looks: Valkey does at times."""
    CLOCK.jump(seconds)
    give_up = time.monotonic() + 30
    while abs(told() - time.time() - seconds) > 0.5:
        assert time.monotonic() < give_up, f"the server's clock has not jumped by {seconds} s"


def set_up(case: Any) -> None:
    """Begin a test by the clock."""
    global began  # noqa: PLW0603
    began += 2 * DAY
    jump(began)
    suite.cache.clear()
    ORIGINALS[next(kind for kind in type(case).__mro__ if kind in ORIGINALS)](case)


def set_throttle_timer(_case: Any, _view: Any, value: int) -> None:
    """Let the server's clock tell what `timer` would."""
    jump(began + value)


def increment_timer(case: Any, seconds: int = 1) -> None:
    """Let the server's clock go on."""
    case.throttle_class.TIMER_SECONDS += seconds
    jump(began + case.throttle_class.TIMER_SECONDS)


ORIGINALS = {kind: kind.setUp for kind in (suite.ThrottlingTests, suite.ScopedRateThrottleTests, suite.XffTestingBase)}
for kind in ORIGINALS:
    kind.setUp = set_up
suite.ThrottlingTests.set_throttle_timer = set_throttle_timer
suite.ScopedRateThrottleTests.increment_timer = increment_timer

sys.exit(bool(get_runner(settings)(verbosity=1, interactive=False).run_tests(["test_throttling"])))
