"""Rows of the dashboard's document about its own functions; those about endpoints are in `test_document.py`."""

from __future__ import annotations

import inspect
import json
import logging
import subprocess
from typing import Any

import pytest

from hitrate.layouts.fastapi_dashboard import (
    CACHE_TTL,
    CacheManager,
    get_cache_manager,
    get_cached,
    get_ttl,
    invalidate_cache,
    invalidate_tenant_cache,
    make_cache_key,
    set_cache_manager,
    set_cached,
)
from hitrate.layouts.fastapi_dashboard.metrics import Counters
from hitrate.testing import Endpoint, free_port
from tests.conftest import needs_redis_cli
from tests.faults.conftest import PATIENCE, run_python
from tests.with_asgi.dashboard.conftest import MakeManager, raw

TENANT = "54d459ab-4ae8-480a-9d1c-d53b218a4fb2"
LIFETIMES = {
    "dashboard_kpis": 300,
    "dashboard_trends": 300,
    "dashboard_alerts": 300,
    "dashboard_insights": 300,
    "dashboard_stats": 300,
    "dashboard_activity": 300,
    "products": 600,
    "pricing_trends": 600,
    "sentiment_overview": 900,
    "forecast_demand": 1800,
}
SAMPLE_METRICS = {
    "hits": 150,
    "misses": 50,
    "total_requests": 200,
    "hit_rate_percent": 75.0,
    "used_memory_mb": 12.5,
    "max_memory_mb": 256,
    "memory_usage_percent": 4.88,
    "redis_evicted_keys": 0,
}


def test_defaults_are_those_of_the_settings() -> None:
    defaults = {name: one.default for name, one in inspect.signature(CacheManager).parameters.items()}
    assert defaults["redis_url"] == "redis://localhost:6379/0"
    assert defaults["max_memory_mb"] == 256
    assert defaults["eviction_policy"] == "allkeys-lru"
    assert defaults["enabled"] is True


@pytest.mark.parametrize("is_there", [True, False], ids=["server", "no server"])
async def test_the_start_up_sequence_runs_as_it_is_written(
    make_manager: MakeManager, server: Endpoint, caplog: pytest.LogCaptureFixture, is_there: bool
) -> None:
    caplog.set_level(logging.INFO, "hitrate.layouts.fastapi_dashboard")
    cache_manager = make_manager(server.url if is_there else f"redis://127.0.0.1:{free_port()}")
    await cache_manager.connect()
    if cache_manager._redis:
        set_cache_manager(cache_manager)
    else:
        set_cache_manager(None)
    # Also while the server is away: it is used as soon as it comes.
    assert get_cache_manager() is cache_manager
    assert await cache_manager.health_check() is is_there
    assert f"the cache's server is {'there' if is_there else 'away'}" in caplog.text
    assert await set_cached("k", 1, ttl=60) is is_there
    assert await get_cached("k") == (1 if is_there else None)


@pytest.mark.parametrize(
    ("key", "params"),
    [
        (f"dashboard_kpis:{TENANT}", {}),
        (f"dashboard_trends:{TENANT}:days:30", {"days": 30}),
        (f"dashboard_activity:{TENANT}:limit:10", {"limit": 10}),
    ],
)
def test_keys_are_spelled_as_in_the_examples(key: str, params: dict[str, Any]) -> None:
    assert make_cache_key(key.partition(":")[0], TENANT, **params) == key


def test_lifetimes_are_those_of_the_table() -> None:
    assert {kind: CACHE_TTL[kind] for kind in LIFETIMES} == LIFETIMES
    assert {kind: get_ttl(kind) for kind in LIFETIMES} == LIFETIMES


async def test_the_simple_api_is_a_miss_then_a_hit_of_what_was_stored_as_json(manager: CacheManager) -> None:
    key, data = (
        make_cache_key("dashboard_kpis", "tenant-001"),
        {"revenue": 12.5, "currency": "\u20ac", "rows": [1, None]},
    )
    assert await get_cached(key) is None
    assert await set_cached(key, data, ttl=300) is True
    assert await get_cached(key) == data
    assert await raw(manager, key) == json.dumps(data).encode()
    assert await manager.cache.attl(key) == 300


async def test_two_tenants_have_two_values(manager: CacheManager) -> None:
    for tenant in ("tenant-001", "tenant-002"):
        await set_cached(make_cache_key("dashboard_kpis", tenant), tenant, ttl=300)
    assert await get_cached("dashboard_kpis:tenant-001") == "tenant-001"
    assert await get_cached("dashboard_kpis:tenant-002") == "tenant-002"


async def test_each_way_to_invalidate_takes_what_it_says(manager: CacheManager) -> None:
    keys = ["dashboard_kpis:tenant-001", "dashboard_trends:tenant-001:days:30", "products:tenant-001:page:1"]
    for key in (*keys, "dashboard_kpis:tenant-002"):
        await set_cached(key, 1, ttl=300)
    assert await invalidate_cache(keys[0]) is True
    assert await invalidate_tenant_cache("tenant-001", prefix="dashboard") == 1
    assert await manager.invalidate_pattern("products:tenant-001:*") == 1
    assert await invalidate_tenant_cache("tenant-001") == 0
    assert await manager.cache.akeys() == ["dashboard_kpis:tenant-002"]


# The document's script on hitrate's names.
SCRIPT = """
import asyncio, sys
from hitrate.layouts.fastapi_dashboard import CacheManager
async def main():
    manager = CacheManager(sys.argv[1], prefix=sys.argv[2])
    print("Test 1: Ping Redis...")
    print(f"\u2705 Redis ping successful! Result: {await manager.health_check()}")
    print("Test 2: Set a test key...")
    assert await manager.set(key="test_key", value="hello_from_windows", ttl=10)
    print("\u2705 Redis set successful!")
    print("Test 3: Get the test key...")
    print(f"\u2705 Redis get successful! Value: {await manager.get(key='test_key')}")
    print("Test 4: Delete the test key...")
    assert await manager.delete(key="test_key")
    assert await manager.get(key="test_key") is None
    print("\u2705 Redis delete successful!")
    print("\u2705 ALL TESTS PASSED - Redis is fully working!")
asyncio.run(main())
"""
EXPECTED = """
Test 1: Ping Redis...
\u2705 Redis ping successful! Result: True
Test 2: Set a test key...
\u2705 Redis set successful!
Test 3: Get the test key...
\u2705 Redis get successful! Value: hello_from_windows
Test 4: Delete the test key...
\u2705 Redis delete successful!
\u2705 ALL TESTS PASSED - Redis is fully working!
"""


def test_the_script_that_tries_the_connection_prints_what_is_documented(server: Endpoint, prefix: str) -> None:
    ended = run_python(SCRIPT, server.url, prefix)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == EXPECTED.strip()
    assert server.execute("KEYS", f"{prefix}*") == []


def cli(url: str, *arguments: str) -> str:
    """Run one of the document's lines of ``redis-cli``."""
    command = ["redis-cli", "-u", url, "--no-raw", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.strip()


@needs_redis_cli
@pytest.mark.parametrize(
    ("typed", "value"),
    [("hello", None), ('"hello"', "hello"), ('{"a": [1]}', {"a": [1]}), ("null", None)],
    ids=["text", "json", "object", "null"],
)
async def test_what_somebody_types_into_redis_cli_is_read_if_it_is_json_and_a_miss_otherwise(
    make_manager: MakeManager, server: Endpoint, prefix: str, typed: str, value: object
) -> None:
    manager = make_manager(server.url)
    set_cache_manager(manager)
    name = f"{prefix}:test_key"
    assert cli(server.url, "ping") == "PONG"
    assert cli(server.url, "SET", name, typed) == "OK"
    assert await get_cached("test_key") == value
    assert await manager.get(key="test_key", check_freshness=False) == value
    assert await invalidate_cache("test_key") is True
    assert cli(server.url, "GET", name) == "(nil)"
    # And the other way round.
    assert await set_cached("test_key", "hello", ttl=60)
    assert cli(server.url, "GET", name) == json.dumps('"hello"')
    assert cli(server.url, "DEL", name) == "(integer) 1"
    assert await get_cached("test_key") is None


LINES = [
    "INFO hitrate.layouts.fastapi_dashboard: \u274c Cache MISS: {key}",
    "INFO hitrate.layouts.fastapi_dashboard: \U0001f4be Cache SET: {key} (TTL: 300s)",
    "INFO hitrate.layouts.fastapi_dashboard: \u2705 Cache HIT: {key}",
]


async def test_lines_of_the_log_have_their_documented_text_and_level(
    make_manager: MakeManager, server: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hitrate.layouts.fastapi_dashboard")
    key, manager = make_cache_key("dashboard_kpis", "tenant-001"), make_manager(server.url)
    set_cache_manager(manager)
    await get_cached(key)
    await set_cached(key, 1, ttl=get_ttl("dashboard_kpis"))
    await get_cached(key)
    said = [f"{one.levelname} {one.name}: {one.getMessage()}" for one in caplog.records]
    assert said == [line.format(key=key) for line in LINES]


@pytest.mark.parametrize("is_there", [False, True], ids=["no manager", "disconnected"])
async def test_without_a_connection_each_read_is_a_miss_with_a_warning(
    make_manager: MakeManager, server: Endpoint, caplog: pytest.LogCaptureFixture, is_there: bool
) -> None:
    manager = make_manager(server.url)
    set_cache_manager(manager if is_there else None)
    await set_cached("products:t", 1)
    await manager.disconnect()
    caplog.clear()
    assert await get_cached("products:t") is None
    assert await set_cached("products:t", 2) is False
    said = "Redis not connected" if is_there else "Cache manager not available"
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", f"{said} for key: products:t")
    ] * 2


def test_the_sample_of_the_metrics_is_what_its_numbers_give() -> None:
    info = {"used_memory": int(12.5 * (1 << 20)), "evicted_keys": 0, "keyspace_hits": 0, "keyspace_misses": 0}
    shown = Counters(hits=150, misses=50).shown(info, 256)
    assert {name: shown[name] for name in SAMPLE_METRICS} == SAMPLE_METRICS
