"""`CacheManager` and `QueryCacheService` on a server and in memory."""

from __future__ import annotations

import gc
import inspect
import json
from typing import Any

import pytest

from hitrate import ConfigError
from hitrate.layouts.fastapi_dashboard import CacheManager, QueryCacheService
from hitrate.testing import Endpoint, Server
from tests.faults.conftest import frozen, until
from tests.faults.proxy import Link, healthy, proxy_to
from tests.with_asgi.dashboard.conftest import MakeManager, raw


def breaker(manager: CacheManager) -> dict[str, Any]:
    found: dict[str, Any] = manager.cache.stats()["breaker"]
    return found


async def drop_deletions(link: Link, data: bytes) -> None:
    """Lose the answers that are numbers, which those of deletions are; everything else works."""
    if not data.startswith(b":"):
        await link.deliver(data)


def test_arguments_stand_in_the_order_of_the_original() -> None:
    def names(function: object) -> list[str]:
        return [name for name in inspect.signature(function).parameters if name != "self"]  # type: ignore[arg-type]

    assert names(CacheManager)[:5] == "redis_url max_memory_mb default_ttl eviction_policy use_memory_fallback".split()
    assert names(CacheManager.get) == "cache_type tenant_id identifier check_freshness key".split()
    assert names(CacheManager.set) == "cache_type tenant_id identifier data ttl key value".split()
    assert names(CacheManager.delete) == "cache_type tenant_id identifier key".split()
    assert names(CacheManager.invalidate_pattern) == "cache_type tenant_id pattern".split()


async def test_values_stand_in_envelopes(manager: CacheManager) -> None:
    assert await manager.set("pricing", "t", "p", {"v": 1})
    stored = json.loads(await raw(manager, "pricing:t:p") or b"")
    assert stored.keys() == {"data", "cached_at"}
    assert stored["data"] == {"v": 1}
    assert await manager.cache.attl("pricing:t:p") == 3600
    assert await manager.get("pricing", "t", "p") == {"v": 1}
    assert await manager.delete("pricing", "t", "p") is True
    assert await manager.delete("pricing", "t", "p") is False


@pytest.mark.parametrize("arguments", [("pricing",), ("pricing", "t"), ("pricing", "t", None), (None, "t", "i")])
async def test_a_value_without_a_name_is_an_error(manager: CacheManager, arguments: tuple[str | None, ...]) -> None:
    for verb in (manager.get, manager.set, manager.delete):
        with pytest.raises(ValueError, match="Must provide either 'key' or all of"):
            await verb(*arguments)
    with pytest.raises(ValueError, match="Must provide either a pattern string or"):
        await manager.invalidate_pattern(tenant_id="t")


async def test_a_whole_pattern_and_one_of_a_tenant_are_forgotten(manager: CacheManager) -> None:
    for key in ["pricing:t", "pricing:t:1", "pricing:t:12", "pricing:u:1", "forecast:t:1:30"]:
        await manager.set(key=key, value=1)
    assert await manager.invalidate_pattern("pricing", "t", "1*") == 2
    assert await manager.invalidate_pattern("pricing", "t") == 1
    assert await manager.invalidate_pattern("pricing", "*") == 0
    assert await manager.invalidate_pattern("forecast:*") == 1
    assert await manager.cache.akeys() == ["pricing:u:1"]


async def test_metrics_have_the_original_s_names(manager: CacheManager, url: str) -> None:
    await manager.get("pricing", "t", "p")
    await manager.set("pricing", "t", "p", 1)
    await manager.get("pricing", "t", "p")
    await manager.clear_tenant_cache("t")
    metrics = await manager.get_metrics()
    counted = {name: metrics[name] for name in ("hits", "misses", "sets", "invalidations", "total_requests")}
    assert counted == {"hits": 1, "misses": 1, "sets": 1, "invalidations": 1, "total_requests": 2}
    assert metrics["hit_rate_percent"] == 50.0
    assert manager.metrics_summary() == {"hits": 1, "misses": 1, "hit_rate_pct": 50.0}
    if url.startswith("redis"):
        assert set(metrics) == {
            *counted,
            *"evictions hit_rate_percent redis_keyspace_hits redis_keyspace_misses redis_evicted_keys".split(),
            *"used_memory_mb max_memory_mb memory_usage_percent".split(),
        }
        assert metrics["max_memory_mb"] == 256


async def test_the_server_is_set_up_only_when_asked_for(make_manager: MakeManager, own_server: Server) -> None:
    before = own_server.execute("CONFIG", "GET", "maxmemory*")
    await make_manager(own_server.url, max_memory_mb=64).connect()
    assert own_server.execute("CONFIG", "GET", "maxmemory*") == before
    await make_manager(own_server.url, max_memory_mb=64, configure_server=True).connect()
    assert own_server.execute("CONFIG", "GET", "maxmemory") == [b"maxmemory", str(64 << 20).encode()]
    assert own_server.execute("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"allkeys-lru"]


async def test_no_manager_finds_what_stood_in_the_fallback_of_another() -> None:
    for size in (1, 2, 2, 1):
        # It may get the address of the one before it.
        manager = CacheManager(max_memory_mb=size, use_memory_fallback=True)
        fallback = manager._store._fallback
        assert fallback is not None
        assert await fallback.aget("pricing:t:p") is None
        await fallback.aset("pricing:t:p", 1)
        del manager
        gc.collect()
        assert await fallback.akeys() == []


async def test_the_fallback_keeps_values_only_while_the_server_is_away(
    make_manager: MakeManager, own_server: Server
) -> None:
    manager = make_manager(own_server.url, use_memory_fallback=True)
    assert await manager.set("pricing", "t", "p", "before")
    with frozen(own_server):
        assert await manager.get("pricing", "t", "p") is None
        assert await manager.set("pricing", "t", "p", "meanwhile")
        assert await manager.set("pricing", "u", "p", "of another")
        assert await manager.get("pricing", "t", "p") == "meanwhile"
        assert await manager.clear_tenant_cache("t") == 1
        assert await manager.get("pricing", "t", "p") is None
        assert await manager.get("pricing", "u", "p") == "of another"
    until(lambda: (breaker(manager)["state"], breaker(manager)["journal"]) == ("closed", 0), "the server is back")
    assert await manager.get("pricing", "u", "p") is None
    assert await manager.get("pricing", "t", "p") is None, (
        "what was forgotten meanwhile is forgotten on the server, too"
    )


async def test_what_waits_to_be_forgotten_is_not_served(
    make_manager: MakeManager, own_server: Server, prefix: str
) -> None:
    with proxy_to(own_server.url) as proxy:
        manager = make_manager(proxy.url)
        assert await manager.set("pricing", "t", "p", "old")
        stored = own_server.execute("GET", f"{prefix}:pricing:t:p")
        proxy.fault = drop_deletions
        assert await manager.delete("pricing", "t", "p") is False
        for _ in range(50):
            # As if no deletion had arrived; they are tried again and again.
            own_server.execute("SET", f"{prefix}:pricing:t:p", stored, "EX", 100)
            assert await manager.get("pricing", "t", "p") is None
        proxy.fault = healthy
        until(lambda: breaker(manager)["journal"] == 0, "the deletion is made up for")
        assert await manager.get("pricing", "t", "p") is None


async def test_a_start_without_a_server_is_no_failure_for_good(make_manager: MakeManager, own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy:
        proxy.refuse()
        manager = make_manager(proxy.url)
        await manager.connect()
        assert await manager.health_check() is False
        assert await manager.get("pricing", "t", "p") is None
        proxy.accept()
        until(lambda: breaker(manager)["state"] == "closed", "the server is found")
        assert await manager.set("pricing", "t", "other", 1)
        assert await manager.get("pricing", "t", "other") == 1


def test_wrong_settings_say_so(server: Endpoint) -> None:
    with pytest.raises(ConfigError):
        CacheManager("http://localhost")
    with pytest.raises(ConfigError, match="'serializer' would change"):
        CacheManager(server.url, serializer="pickle")


async def test_queries_and_analyses_are_kept_under_the_original_s_keys(manager: CacheManager) -> None:
    queries = QueryCacheService(manager)
    assert await queries.set_query_result("t", " What is my revenue? ", {"answer": 1}, {"days": 30})
    assert await queries.set_pricing_analysis("t", "p", {"a": 1})
    assert await queries.set_sentiment_analysis("t", "p", {"a": 2})
    assert await queries.set_demand_forecast("t", "p", {"a": 3})
    assert await queries.get_query_result("t", "what is my REVENUE?", {"days": 30}) == {"answer": 1}
    assert await queries.get_pricing_analysis("t", "p") == {"a": 1}
    assert await queries.get_sentiment_analysis("t", "p") == {"a": 2}
    assert await queries.get_demand_forecast("t", "p", 30) == {"a": 3}
    assert await queries.get_demand_forecast("t", "p", 7) is None
    keys = set(await manager.cache.akeys())
    assert {"pricing:t:p", "sentiment:t:p", "forecast:t:p:30"} < keys
    await manager.set("pricing", "t", "p2", 1)
    assert await queries.invalidate_product_cache("t", "p") >= 3
    assert await queries.invalidate_query_cache("t") == 1
    assert await manager.get("pricing", "t", "p2") == 1
