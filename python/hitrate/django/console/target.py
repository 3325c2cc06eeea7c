"""The server and options of a cache in ``settings.CACHES``, for the commands of ``hitrate.cli``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError, default_key_func

from hitrate import Cache
from hitrate.cli.target import Target
from hitrate.django import conf
from hitrate.django.aliases import client_behind
from hitrate.django.backend import RedisCache
from hitrate.django.neighbours import neighbours
from hitrate.exceptions import ConfigError


def target_of(alias: str) -> Target:
    """
    Return where a cache is, and how it is spoken to.

    Raises:
        ConfigError: there is no such cache, it is none of ours, or its settings cannot be used.
    """
    try:
        backend = caches[alias]
    except InvalidCacheBackendError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(backend, RedisCache):
        raise ConfigError(f"it is a {type(backend).__name__}, and no cache of hitrate; name another alias")
    params = settings.CACHES[alias]
    config = conf.read(params.get("LOCATION"), params)
    config.require_valid()
    near = tuple(f"CACHES['{name}']" for name, _ in neighbours(client_behind(alias)))
    if backend.key_func is default_key_func:
        return Target(config.url, config.options, near)
    return _SpelledTarget(config.url, {**config.options, "key_function": backend.key_func}, near, backend)


@dataclass(frozen=True)
class _SpelledTarget(Target):
    """A server whose keys a function of the project spells."""

    backend: Any = field(default=None, repr=False)

    def open(self) -> Cache:
        """Make a cache that lists keys as the backend knows them, by ``REVERSE_KEY_FUNCTION``."""
        cache = _SpelledCache(self.url, **{**self.options, "on_error": "raise"})
        cache.backend = self.backend
        return cache


class _SpelledCache(Cache):
    backend: RedisCache

    def iter_keys(self, pattern: str = "*", version: Any = None, *, itersize: int = 1000) -> Iterator[str]:
        yield from self.backend.iter_keys(pattern, itersize, version)
