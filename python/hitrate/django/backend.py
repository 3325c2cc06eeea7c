"""The cache backend: Django's contract, and what django-redis's backend has beyond it, with its names and results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, default_key_func, get_key_func

from hitrate.django import patterns
from hitrate.django.client import ClientAccess
from hitrate.django.contract import ContractCache

if TYPE_CHECKING:
    from hitrate.cache import Lock


class RedisCache(ContractCache):
    """
    A Django cache on Redis or Valkey: ``CACHES = {"default": {"BACKEND": "hitrate.django.RedisCache", ...}}``.

    While the server is away reads miss, writes are dropped and deletes are remembered, and ``add``, ``incr``, ``decr``,
    ``touch``, ``incr_version`` and ``lock`` raise `ServerError`, unless ``ON_ERROR`` says otherwise. See
    docs/features/django.md.
    """

    @property
    def client(self) -> ClientAccess:
        """Where django-redis keeps ``get_client()``, which gives the raw client."""
        return ClientAccess(self._client)

    def ttl(self, key: Any, version: int | None = None) -> int | None:
        """Return the seconds a key has left: None if it never expires, 0 if there is no such key."""
        return self._client.ttl(key, version=version)

    def pttl(self, key: Any, version: int | None = None) -> int | None:
        """Return the milliseconds a key has left: None if it never expires, 0 if there is no such key."""
        return self._client.pttl(key, version=version)

    def expire(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Let a key live this many seconds more; tell whether it exists."""
        return self.touch(key, timeout, version)

    def pexpire(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Let a key live this many milliseconds more; tell whether it exists."""
        if isinstance(timeout, int):
            timeout = timedelta(milliseconds=timeout)
        return self.touch(key, timeout, version)

    def expire_at(self, key: Any, when: datetime | int, version: int | None = None) -> bool:
        """Let a key live until then, a date or seconds since 1970; tell whether it exists."""
        return self._client.expire_at(key, when, version=version)

    def pexpire_at(self, key: Any, when: datetime | int, version: int | None = None) -> bool:
        """Let a key live until then, a date or milliseconds since 1970; tell whether it exists."""
        return self._client.expire_at(key, when / 1000 if isinstance(when, int) else when, version=version)

    def persist(self, key: Any, version: int | None = None) -> bool:
        """Let a key never expire; tell whether it would have."""
        return self._client.persist(key, version=version)

    def keys(self, search: str, version: int | None = None) -> list[str]:
        """Return the keys that match, without prefix and version. Looked for in steps that do not block the server."""
        return list(self.iter_keys(search, version=version))

    def iter_keys(self, search: str, itersize: int | None = None, version: int | None = None) -> Iterator[str]:
        """Yield the keys that match; `itersize` is how many the server looks through in one step."""
        if self.key_func is default_key_func:
            yield from self._client.iter_keys(search, version, itersize=itersize or patterns.STEP)
            return
        reverse = get_key_func(self._params.get("REVERSE_KEY_FUNCTION") or patterns.default_reverse_key)
        for keys in patterns.find(self.client.get_client(), self._pattern(search, version), itersize):
            yield from (reverse(key.decode()) for key in keys)

    def delete_pattern(self, pattern: str, version: int | None = None, itersize: int | None = None) -> int | None:
        """Delete the keys that match; return how many, or None if the server is away and it will be made up for."""
        return self._client.delete_pattern(pattern, version, itersize=itersize or patterns.STEP)

    def stats(self) -> dict[str, Any]:
        """Tell what this cache did in this process, without asking the server; see docs/features/statistics.md."""
        return self._client.stats()

    def _pattern(self, pattern: str, version: int | None) -> str:
        return patterns.spell(self.key_func, pattern, self.key_prefix, self.version if version is None else version)

    def lock(
        self,
        key: Any,
        version: int | None = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        thread_local: bool = True,
    ) -> Lock:
        """
        Return a lock that all processes share; see `hitrate.Cache.lock`.

        Args:
            key: of the lock, which is kept beside the values of this cache.
            version: of the key.
            timeout: seconds after which it frees itself; None: only its owner frees it.
            sleep: seconds between two tries.
            blocking: whether to wait for it at all.
            blocking_timeout: seconds to wait for it; None: for ever.
            thread_local: accepted and without effect: who has the lock object has the lock.
        """
        del thread_local
        wait = blocking_timeout if blocking else 0
        return self._client.lock(key, timeout, blocking_timeout=wait, sleep=sleep, version=version)
