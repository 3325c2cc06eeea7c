"""The golden ``freshness``, ``default_ttl``, ``stats`` and ``invalidations`` of the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import pytest

from hitrate import values
from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard.metrics import Counters
from hitrate.testing import Endpoint
from tests.contracts.vectors import VECTORS

SYSTEM = "fastapi_dashboard"
STATS = {group["function"]: group["cases"] for group in VECTORS["stats"] if group["system"] == SYSTEM}
INVALIDATIONS = [vector for vector in VECTORS["invalidations"] if vector["system"] == SYSTEM]


@pytest.fixture
async def manager(server: Endpoint, prefix: str) -> AsyncIterator[dashboard.CacheManager]:
    found = dashboard.CacheManager(server.url, prefix=prefix)
    dashboard.set_cache_manager(found)
    yield found
    dashboard.set_cache_manager(None)
    await found.disconnect()


def exactly(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and bool(found == expected)


@pytest.mark.parametrize("case", VECTORS["freshness"]["cases"], ids=lambda case: str(case["cached_at"]))
def test_golden_freshness_is_ours(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.fromisoformat(case["now"]).replace(tzinfo=timezone.utc)
    monkeypatch.setattr(values, "now", lambda _: at)
    assert dashboard.is_fresh(case["cache_type"], case["cached_at"]) is case["fresh"]


@pytest.mark.parametrize("case", VECTORS["default_ttl"]["cases"], ids=lambda case: f"{case['key']}-{case['ttl']}")
async def test_golden_lifetimes_are_ours(case: dict[str, Any], manager: dashboard.CacheManager) -> None:
    # A lifetime of 0 made the original's command fail.
    assert await manager.set(key=case["key"], value=1, ttl=case["ttl"]) is (case["stored_ttl"] > 0)
    assert await manager.cache.attl(case["key"]) == case["stored_ttl"]


@pytest.mark.parametrize("case", STATS["CacheManager.get_metrics hit_rate_percent"])
def test_golden_hit_rates_are_ours(case: dict[str, Any]) -> None:
    shown = Counters(hits=case["hits"], misses=case["misses"]).shown(None, 256)
    assert all(exactly(shown[name], value) for name, value in case.items())


@pytest.mark.parametrize("case", STATS["CacheManager.get_metrics memory"])
def test_golden_memory_is_ours(case: dict[str, Any]) -> None:
    shown = Counters().shown({"used_memory": case.pop("used_memory")}, case["max_memory_mb"])
    assert all(exactly(shown[name], value) for name, value in case.items())


@pytest.mark.parametrize("case", STATS["metrics summary hit_rate_pct"])
def test_golden_summaries_are_ours(case: dict[str, Any]) -> None:
    summary = Counters(hits=case["hits"], misses=case["misses"]).summary()
    assert summary == case
    assert exactly(summary["hit_rate_pct"], case["hit_rate_pct"])


def meant(vector: dict[str, Any]) -> set[str]:
    """What is wrong after that, by the text of the contract: more than the original deleted."""
    tenant, store, function = vector["args"][0], set(vector["store"]), vector["function"]
    of_tenant = {key for key in store if tenant in key}
    dashboards = {key for key in of_tenant if key.startswith("dashboard")}
    of_product = {key for key in of_tenant if vector["args"][1:] and f":{vector['args'][1]}" in key}
    if function in {"invalidate_tenant_cache", "clear_tenant_cache"}:
        prefix = vector["args"][1] if len(vector["args"]) > 1 else ""
        return {key for key in of_tenant if key.startswith(prefix)}
    if function == "QueryCacheService.invalidate_query_cache":
        return {key for key in of_tenant if key.startswith("query_result:")}
    if function == "QueryCacheService.invalidate_product_cache":
        return of_product
    event = function.removeprefix("event ").partition("_")[0]
    types = {
        "product": ("pric", "sentiment", "forecast", "products"),
        "price": ("pric", "products"),
        "review": ("sentiment", "products"),
        "sales": ("forecast",),
        "inventory": ("forecast", "products"),
        "forecast": ("forecast",),
    }[event]
    named = of_product | {key for key in of_tenant if key.startswith("products:")}
    return dashboards | {key for key in named if key.startswith(types)} | {k for k in of_tenant if "query_result" in k}


async def forget(manager: dashboard.CacheManager, function: str, args: list[str]) -> int:
    queries = dashboard.QueryCacheService(manager)
    if not function.startswith("event "):
        return await {
            "invalidate_tenant_cache": dashboard.invalidate_tenant_cache,
            "clear_tenant_cache": manager.clear_tenant_cache,
            "QueryCacheService.invalidate_product_cache": queries.invalidate_product_cache,
            "QueryCacheService.invalidate_query_cache": queries.invalidate_query_cache,
        }[function](*args)
    publisher = dashboard.EventPublisher()
    subscriber = dashboard.CacheInvalidationSubscriber(manager, publisher)
    kind = dashboard.EventType(function.removeprefix("event "))
    of_product = {"product_id": args[1]}
    await publisher.publish(dashboard.DataEvent(kind, args[0], "product", args[1], metadata=of_product))
    total: int = subscriber.get_invalidation_log()[-1]["total_keys_invalidated"]
    return total


@pytest.mark.parametrize("vector", INVALIDATIONS, ids=lambda vector: vector["function"])
async def test_golden_invalidations_delete_what_was_meant(
    vector: dict[str, Any], manager: dashboard.CacheManager
) -> None:
    for key in vector["store"]:
        await manager.cache.aset(key, 1)
    expected = meant(vector)
    assert set(vector["deleted"]) <= expected
    count = await forget(manager, vector["function"], vector["args"])
    assert set(vector["store"]) - set(await manager.cache.akeys()) == expected
    assert count == len(expected)
