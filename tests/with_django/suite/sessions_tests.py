"""Django's tests of sessions kept in a cache, over hitrate. Runs as ``sessions_tests/tests_hitrate.py``."""

from __future__ import annotations

from django.conf import settings
from django.test import override_settings
from sessions_tests import tests as original

OURS = {"default": {**settings.CACHES["default"], "KEY_PREFIX": "sessions-suite"}}


@override_settings(CACHES=OURS)
class CacheSessionTests(original.CacheSessionTests):
    pass


@override_settings(CACHES=OURS)
class CacheDBSessionTests(original.CacheDBSessionTests):
    pass


@override_settings(CACHES=OURS, USE_TZ=True)
class CacheDBSessionWithTimeZoneTests(original.CacheDBSessionWithTimeZoneTests):
    pass
