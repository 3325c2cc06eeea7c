"""
Django's tests of caches, over hitrate. Runs as ``cache/tests_hitrate.py`` inside Django's own tests.

Three families: the contract of every backend (`BaseCacheTests`), once through the sync and once through the async
methods; and the tests of what stands on a cache (middleware, decorators, templates), which Django runs on LocMemCache.
"""

from __future__ import annotations

import copy
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from cache import tests as original
from django.conf import settings
from django.core.cache import caches
from django.test import TestCase, override_settings

from hitrate.exceptions import NotANumberError

OURS = settings.CACHES["default"]
SHARED = original.caches_setting_for_tests(base=OURS, exclude=original.redis_excluded_caches)


@override_settings(CACHES=SHARED)
class ContractTests(original.BaseCacheTests, TestCase):
    incr_decr_type_error = NotANumberError

    def setUp(self) -> None:
        super().setUp()
        # Django's backend flushes the database between tests; ours clears only what is its own.
        caches["default"].client.get_client().flushdb()


class AsyncMethods:
    """A cache whose sync methods call its async ones."""

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "wrapped", wrapped)

    def __getattr__(self, name: str) -> Any:
        twin = getattr(self.wrapped, f"a{name}", None)
        # add() has an "a" in front of "dd", and no attribute of a cache is called "dd".
        return getattr(self.wrapped, name) if twin is None else async_to_sync(twin)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.wrapped, name, value)

    def __contains__(self, key: Any) -> bool:
        return async_to_sync(self.wrapped.ahas_key)(key)


class AllAsync:
    """`caches`, with `AsyncMethods` around each."""

    def __getitem__(self, alias: str) -> AsyncMethods:
        return AsyncMethods(caches[alias])


@override_settings(CACHES=SHARED)
class AsyncContractTests(ContractTests):
    def setUp(self) -> None:
        super().setUp()
        for name, over in (("cache", AsyncMethods(original.cache)), ("caches", AllAsync())):
            patch = mock.patch.object(original, name, over)
            patch.start()
            self.addCleanup(patch.stop)

    # Pickling these querysets asks the database, which Django forbids in a coroutine.
    test_cache_read_for_model_instance_with_deferred = None
    test_cache_write_for_model_instance_with_deferred = None


# These look at the methods themselves, which `AsyncMethods` hides; the round through the sync ones has them.
for name in dir(original.BaseCacheTests):
    if name.endswith("_async_uses_specialized_implementation"):
        setattr(AsyncContractTests, name, None)


def over_hitrate(theirs: type) -> type:
    """Return a test class of Django with our backend wherever its settings name LocMemCache."""
    overridden = copy.deepcopy(theirs._overridden_settings)
    for alias, params in overridden["CACHES"].items():
        params.update(BACKEND=OURS["BACKEND"], LOCATION=OURS["LOCATION"], KEY_PREFIX=f"{theirs.__name__}-{alias}")
    return override_settings(**overridden)(type(theirs.__name__, (theirs,), {"__module__": __name__}))


CacheUtils = over_hitrate(original.CacheUtils)
CacheHEADTest = over_hitrate(original.CacheHEADTest)
CacheI18nTest = over_hitrate(original.CacheI18nTest)
PrefixedCacheI18nTest = over_hitrate(original.PrefixedCacheI18nTest)
CacheMiddlewareTest = over_hitrate(original.CacheMiddlewareTest)
TestWithTemplateResponse = over_hitrate(original.TestWithTemplateResponse)
