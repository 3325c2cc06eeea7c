"""`CacheManager`, as the dashboard's code imported it: its names and results, with what was broken mended."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

from hitrate import values
from hitrate.cache import Cache
from hitrate.exceptions import HitrateError, ServerError
from hitrate.layouts.fastapi_dashboard import patterns
from hitrate.layouts.fastapi_dashboard.entries import FRESHNESS, MANAGER_DEFAULT_TTL
from hitrate.layouts.fastapi_dashboard.envelope import bare, is_envelope, is_fresh
from hitrate.layouts.fastapi_dashboard.keys import build_cache_key, shown
from hitrate.layouts.fastapi_dashboard.metrics import Counters
from hitrate.layouts.fastapi_dashboard.store import Store
from hitrate.layouts.fastapi_dashboard.switch import is_enabled

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")


class CacheManager:
    """
    The dashboard's cache. Its calls never raise because of a server: reads miss, and what is to be forgotten is written
    down and forgotten as soon as the server is back. No start fails for good: whenever the server comes, it is used.

    Args:
        redis_url: any URL of `hitrate.Cache`, ``memory://name`` included.
        max_memory_mb: with what the server's memory is compared in `get_metrics`; the bound of the fallback.
        default_ttl: seconds that entries of types without a threshold are kept.
        eviction_policy: for `configure_server`.
        use_memory_fallback: keep values in this process while the server is away: bounded, with their lifetimes.
        configure_server: let `connect` set the server's ``maxmemory`` and ``maxmemory-policy``. They count for
            everybody who uses it, so nobody should on a shared one.
        enabled: False stops reads and fills, as ``CACHE_ENABLED=0`` does; forgetting goes on.
        lease: seconds within which what was not found must be computed and stored; later it is not stored.
        options: more of `hitrate.Cache`: ``timeout``, ``local``, ``prefix``, ...

    Raises:
        ConfigError: the URL or an option is wrong.
    """

    def __init__(
        self,
        redis_url: str = "redis://localhost:6379/0",
        max_memory_mb: int = 256,
        default_ttl: int = MANAGER_DEFAULT_TTL,
        eviction_policy: str = "allkeys-lru",
        use_memory_fallback: bool = False,
        *,
        configure_server: bool = False,
        enabled: bool = True,
        lease: float = 10.0,
        **options: Any,
    ) -> None:
        self.max_memory_mb, self.default_ttl = max_memory_mb, default_ttl
        self.eviction_policy, self.configure_server = eviction_policy, configure_server
        fallback_bytes = max(max_memory_mb << 20, 1 << 20) if use_memory_fallback else 0
        self._store = Store(redis_url, fallback_bytes=fallback_bytes, lease=lease, **options)
        self._counters = Counters()
        self._is_open = True
        self._enabled = enabled

    @property
    def cache(self) -> Cache:
        """The cache, for its other verbs. They raise while the server is away."""
        return self._store.cache

    @property
    def _redis(self) -> Cache | None:
        """What the original's start-up code asks for: there even while the server is away; None once disconnected."""
        return self.cache if self._is_open else None

    @property
    def is_connected(self) -> bool:
        """Whether it may be used: not between `disconnect` and `connect`. It may while the server is away."""
        return self._is_open

    @property
    def is_enabled(self) -> bool:
        """Whether entries are read and filled."""
        return self._enabled and is_enabled()

    async def connect(self) -> None:
        """Try the server, and say in the log what came of it. Calls before it, or without it, work as well."""
        self._is_open = True
        if not await self.health_check():
            logger.warning("the cache's server is away: values are computed until it is there")
            return
        if self.configure_server:
            await self._configure()
        logger.info("the cache's server is there")

    async def _configure(self) -> None:
        settings: dict[str, str | int] = {
            "maxmemory": self.max_memory_mb << 20,
            "maxmemory-policy": self.eviction_policy,
        }
        try:
            for name, value in settings.items():
                await self.cache.aexecute("CONFIG", "SET", name, value)
        except ServerError as error:
            logger.warning("memory limit and eviction of the cache's server were not set: %s", error)

    async def disconnect(self) -> None:
        """Close the connections. `get_cached` finds nothing from now on, until `connect`."""
        self._is_open = False
        await self._store.close()
        logger.info("the cache is disconnected")

    async def get(
        self,
        cache_type: str | None = None,
        tenant_id: object = None,
        identifier: object = None,
        check_freshness: bool = True,
        key: str | None = None,
    ) -> Any:
        """
        Read a value, in either form.

        Args:
            cache_type: its type, with `tenant_id` and `identifier`.
            tenant_id: whose it is.
            identifier: what stands behind the tenant.
            check_freshness: whether an envelope that is older than its type allows is none. A bare value has no time,
                and is fresh as long as it lives.
            key: the whole key instead of the three.

        Returns:
            The value; None if there is none, or it is not fresh.

        Raises:
            ValueError: neither `key` nor all of the three.
        """
        key, kind = _located(cache_type, tenant_id, identifier, key)
        stored = await self._read(key)
        if is_envelope(stored):
            if check_freshness and kind is not None and not is_fresh(kind, stored["cached_at"]):
                await self._store.outdate(key)
                stored = None
            else:
                stored = stored["data"]
        self._count(stored)
        return stored

    async def set(
        self,
        cache_type: str | None = None,
        tenant_id: object = None,
        identifier: object = None,
        data: Any = None,
        ttl: float | None = None,
        key: str | None = None,
        value: Any = None,
    ) -> bool:
        """
        Store a value, in an envelope with the time.

        Args:
            cache_type: as for `get`.
            tenant_id: as for `get`.
            identifier: as for `get`.
            data: the value. What JSON cannot hold is stored as text by ``str()``.
            ttl: seconds; None: the threshold of the type, or else `default_ttl`.
            key: as for `get`.
            value: the value, if `data` is not given.

        Returns:
            Whether it was stored: not if the server is away, if the value was forgotten after this task's `get` found
            none, if another task is about to store it, or if only another task asked for it, as for `set_cached`.

        Raises:
            ValueError: neither `key` nor all of the three.
        """
        key, kind = _located(cache_type, tenant_id, identifier, key)
        if ttl is None:
            ttl = FRESHNESS.get(kind or "", self.default_ttl)
        return await self._write(key, values.wrap(data if value is None else value), ttl, lenient=True)

    async def delete(
        self,
        cache_type: str | None = None,
        tenant_id: object = None,
        identifier: object = None,
        key: str | None = None,
    ) -> bool:
        """Delete a value, named as for `get`; tell whether there was one."""
        key, _ = _located(cache_type, tenant_id, identifier, key)
        deleted = await self._store.delete(key)
        self._counters.invalidations += deleted
        return deleted

    async def invalidate_pattern(
        self, cache_type: str | None = None, tenant_id: object = None, pattern: str = "*"
    ) -> int:
        """
        Delete what matches.

        Args:
            cache_type: the type, or without `tenant_id` a whole glob (``* ? [abc] \\``), in which text of users must be
                escaped by `hitrate.escape_glob`.
            tenant_id: whose entries.
            pattern: a glob for what stands behind the tenant.

        Returns:
            How many there were; 0 if the server is away, and it was written down.

        Raises:
            ValueError: no `cache_type`.
        """
        if cache_type is None:
            raise ValueError("Must provide either a pattern string or (cache_type, tenant_id, pattern)")
        if tenant_id is not None and pattern == "*":
            return await self._forget(patterns.of_type(cache_type, tenant_id))
        glob = cache_type if tenant_id is None else patterns.type_glob(cache_type, tenant_id, pattern)
        deleted = await self._store.forget_glob(glob)
        self._counters.invalidations += deleted
        return deleted

    async def clear_tenant_cache(self, tenant_id: object) -> int:
        """Delete all entries of a tenant, of whatever type; return how many there were."""
        return await self._forget(patterns.of_tenant(tenant_id))

    async def health_check(self) -> bool:
        """Tell whether the server answers."""
        return await self._store.ping()

    async def get_metrics(self) -> dict[str, Any]:
        """
        Tell what this manager did in this process, and how full its server is.

        Returns:
            ``hits``, ``misses``, ``sets``, ``invalidations``, ``evictions``, ``total_requests``, ``hit_rate_percent``;
            and while the server is there ``redis_keyspace_hits``, ``redis_keyspace_misses``, ``redis_evicted_keys``,
            ``used_memory_mb``, ``max_memory_mb`` and ``memory_usage_percent`` (of `max_memory_mb`), or ``missing`` with
            ``"INFO"`` in it if the server refuses to tell.
        """
        return self._counters.shown(await self._store.info(), self.max_memory_mb)

    def metrics_summary(self) -> dict[str, Any]:
        """Tell ``hits``, ``misses`` and ``hit_rate_pct``, for ``GET /metrics/summary``."""
        return self._counters.summary()

    async def _read(self, key: str) -> Any:
        if not self.is_enabled:
            return None
        try:
            return await self._store.read(key)
        except (HitrateError, UnicodeError) as error:
            logger.warning("Cache retrieval error for %s: %s", shown(key), error)
            return None

    async def _write(self, key: str, value: Any, ttl: float, *, lenient: bool) -> bool:
        if not self.is_enabled:
            return False
        if not ttl > 0:
            logger.warning("nothing was stored for %s: its lifetime of %r s is none", shown(key), ttl)
            return False
        try:
            stored = await self._store.write(key, value, ttl, lenient=lenient)
        except (HitrateError, UnicodeError) as error:
            logger.warning("nothing was stored for %s: %s", shown(key), error)
            return False
        self._counters.sets += stored
        return stored

    async def get_bare(self, key: str) -> Any:
        """Read a value, in either form, for as long as it lives: what `get_cached` does."""
        stored = await self._read(key)
        if is_envelope(stored):
            stored = stored["data"]
        self._count(stored)
        return stored

    async def set_bare(self, key: str, value: Any, ttl: float) -> bool:
        """Store a value as bare JSON: what `set_cached` does."""
        return await self._write(key, bare(value), ttl, lenient=False)

    async def clear_types(self, tenant_id: object, prefix: str | None) -> int:
        """Delete a tenant's entries, of some types or of all: what `invalidate_tenant_cache` does."""
        return await self._forget(patterns.of_tenant(tenant_id, prefix))

    async def clear_product(self, tenant_id: object, product_id: object) -> int:
        """Delete everything that is kept of one product; return how much there was."""
        return await self._forget(patterns.of_product(tenant_id, product_id))

    async def clear_beginnings(self, tenant_id: object, beginnings: Iterable[str]) -> dict[str, int]:
        """Delete keys of a tenant that begin so, in one walk; return how many there were of each beginning."""
        wanted = frozenset(beginnings)
        keys = await self._store.forget(patterns.beginning_with(tenant_id, wanted))
        self._counters.invalidations += len(keys)
        return Counter(patterns.beginning_of(key, wanted) or "" for key in keys)

    def postpone_beginnings(self, tenant_id: object, beginnings: Iterable[str]) -> None:
        """Take keys of a tenant that begin so for misses from now on, and let them be deleted later. Without I/O."""
        self._store.postpone(patterns.beginning_with(tenant_id, beginnings))

    async def _forget(self, meant: patterns.Meant) -> int:
        deleted = len(await self._store.forget(meant))
        self._counters.invalidations += deleted
        return deleted

    def _count(self, value: Any) -> None:
        if value is None:
            self._counters.misses += 1
        else:
            self._counters.hits += 1


def _located(cache_type: str | None, tenant_id: object, identifier: object, key: str | None) -> tuple[str, str | None]:
    """The key, and the type that says for how long its entries are fresh."""
    if key is not None:
        return key, key.partition(":")[0] if ":" in key else None
    if cache_type is None or tenant_id is None or identifier is None:
        raise ValueError("Must provide either 'key' or all of (cache_type, tenant_id, identifier)")
    return build_cache_key(cache_type, tenant_id, identifier), cache_type
