"""Rows of the dashboard's document about lifetimes: how long entries stay on the server, and when they are stale."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hitrate.layouts.fastapi_dashboard import CACHE_TTL, CacheManager, events, get_cached, get_ttl, set_cached
from hitrate.testing import Endpoint
from tests.with_asgi.dashboard.conftest import put
from tests.with_asgi.dashboard.site import ACME, PREFIX, Site

# Of ``cache_service``, by type.
LIFETIMES = {
    **dict.fromkeys("dashboard dashboard_kpis dashboard_trends dashboard_alerts dashboard_insights".split(), 300),
    **dict.fromkeys("dashboard_stats dashboard_activity metrics forecast_inventory".split(), 300),
    **dict.fromkeys("products pricing_trends pricing_promotions sentiment_reviews forecast_sales".split(), 600),
    **dict.fromkeys("pricing_recommendations sentiment_overview sentiment_themes sentiment_complaints".split(), 900),
    "competitor_matrix": 180,
    "forecast_demand": 1800,
}
# Of `CacheManager`, by type: seconds until stale, and until the server drops it. Others have an hour.
FRESH = {"pricing": 3600, "sentiment": 86400, "forecast": 43200, "query_result": 3600, "reviews": 3600, "product": 3600}
MINUTE = 60


def cached(seconds_ago: float) -> str:
    return (events.utc_now() - timedelta(seconds=seconds_ago)).isoformat()


def test_the_table_has_every_type() -> None:
    assert dict(CACHE_TTL) == LIFETIMES


@pytest.mark.parametrize("kind", [*LIFETIMES, "of_no_type"])
async def test_an_entry_lives_on_the_server_as_long_as_its_type_says(manager: CacheManager, kind: str) -> None:
    key = f"{kind}:t"
    assert await set_cached(key, 1, ttl=get_ttl(kind))
    assert await manager.cache.attl(key) == LIFETIMES.get(kind, 300)


@pytest.mark.parametrize("kind", FRESH)
async def test_an_analysis_is_fresh_up_to_the_threshold_of_its_type(manager: CacheManager, kind: str) -> None:
    assert await manager.set(kind, "t", "new", 1)
    assert await manager.cache.attl(f"{kind}:t:new") == FRESH[kind]
    ages = {"young": MINUTE, "old": FRESH[kind] - MINUTE, "stale": FRESH[kind], "future": -MINUTE}
    for name, age in ages.items():
        # Kept by the server for longer: reviews are, for a day.
        await put(manager, f"{kind}:t:{name}", {"data": name, "cached_at": cached(age)}, ttl=86400)
    unchecked = {name: await manager.get(kind, "t", name, check_freshness=False) for name in ages}
    assert unchecked == {name: name for name in ages}
    # Bare: how old it is does not count.
    assert await get_cached(f"{kind}:t:stale") == "stale"
    found = {name: await manager.get(kind, "t", name) for name in ages}
    assert found == {"young": "young", "old": "old", "stale": None, "future": "future"}
    assert await manager.get(key=f"{kind}:t:old") == "old"


@pytest.mark.parametrize("at", ["yesterday", "", None, 5, "2026-01-01T00:00:00+00:00"])
async def test_what_has_no_time_is_stale(manager: CacheManager, at: Any) -> None:
    await put(manager, "pricing:t:p", {"data": 1, "cached_at": at})
    assert await manager.get("pricing", "t", "p", check_freshness=False) == 1
    assert await manager.get("pricing", "t", "p") is None


def test_the_price_of_a_product_is_kept_and_fresh_for_an_hour(site: Site, server: Endpoint) -> None:
    product = site.get("/products")["items"][0]["id"]
    path, name = f"/products/{product}/pricing", f"{PREFIX}:pricing:{ACME}:{product}"
    found = site.get(path)
    assert 3600 - MINUTE < server.execute("TTL", name) <= 3600
    for age, answer in ((3600 - MINUTE, {"of": "an old worker"}), (3600, found)):
        stored = {"data": {"of": "an old worker"}, "cached_at": cached(age)}
        server.execute("SET", name, json.dumps(stored), "EX", 86400)
        assert site.get(path) == answer
    # Computed anew, and stored.
    assert json.loads(server.execute("GET", name))["data"] == found
    assert 3600 - MINUTE < server.execute("TTL", name) <= 3600
