"""Rows of the dashboard's document about keys: parameters in them, what is refused, and who may see the cache."""

from __future__ import annotations

import json

import pytest

from hitrate.testing import Endpoint
from tests.with_asgi.dashboard.site import ACME, PREFIX, Site, keys

SHAPE = {
    "hits": int,
    "misses": int,
    "total_requests": int,
    "hit_rate_percent": float,
    "used_memory_mb": float,
    "max_memory_mb": int,
    "memory_usage_percent": float,
    "redis_evicted_keys": int,
}
MORE = "sets invalidations evictions redis_keyspace_hits redis_keyspace_misses".split()


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/dashboard/kpis?days=1", "dashboard_kpis:{tenant}:days:1"),
        ("/dashboard/trends?days=7", "dashboard_trends:{tenant}:days:7"),
        ("/dashboard/trends?days=365", "dashboard_trends:{tenant}:days:365"),
        ("/dashboard/trends?days=007", "dashboard_trends:{tenant}:days:7"),
        ("/dashboard/trends?days=7&other=1", "dashboard_trends:{tenant}:days:7"),
        ("/pricing/trends?days=90", "pricing_trends:{tenant}:days:90"),
        ("/forecast/demand?days=14", "forecast_demand:{tenant}:days:14"),
        ("/dashboard/recent-activity?limit=1", "dashboard_activity:{tenant}:limit:1"),
        ("/dashboard/recent-activity?limit=100", "dashboard_activity:{tenant}:limit:100"),
        ("/products?page=2", "products:{tenant}:limit:20:page:2"),
        ("/products?page=3&limit=5", "products:{tenant}:limit:5:page:3"),
    ],
)
def test_a_parameter_stands_in_the_key_and_in_the_answer(site: Site, server: Endpoint, path: str, key: str) -> None:
    answer = site.get(path)
    (name,) = keys(server)
    assert name == key.format(tenant=ACME)
    stored = json.loads(server.execute("GET", f"{PREFIX}:{name}"))
    assert answer in (stored, {"payload": stored})
    # Another parameter is another entry.
    site.get(path.partition("?")[0])
    assert len(keys(server)) == 2


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{path}?days={days}"
            for path in ("/dashboard/kpis", "/dashboard/trends", "/pricing/trends", "/forecast/demand")
            for days in ("0", "366", "-1", "seven", "7:x:1", "")
        ),
        *(f"/dashboard/recent-activity?limit={limit}" for limit in ("0", "101", "-1", "ten")),
        *(f"/products?limit={limit}" for limit in ("0", "101", "-1", "ten")),
        *(f"/products?page={page}" for page in ("0", "-1", "one", "1001", "1" + 30 * "0")),
        "/products/no-uuid/pricing",
        "/products/*/pricing",
    ],
)
def test_what_is_out_of_range_is_refused_and_leaves_no_key(site: Site, server: Endpoint, path: str) -> None:
    assert site.status(path) == 422
    assert keys(server) == set()


def test_a_product_that_is_not_there_leaves_no_key(site: Site, server: Endpoint) -> None:
    assert site.status("/products/0b7a3c1e-2f55-4e0e-9f2f-6a1d3a4f9b10/pricing") == 404
    assert keys(server) == set()


@pytest.mark.parametrize("path", ["/metrics/summary", "/cache/metrics", "/cache/health"])
def test_what_the_cache_does_is_for_administrators(site: Site, path: str) -> None:
    assert site.status(path, None) == 401
    assert site.status(path, "of nobody") == 401
    assert site.status(path, "acme-demo") == 403
    assert site.status(path, "acme-admin-demo") == 200


def test_metrics_have_exactly_the_documented_names_types_and_sums(site: Site) -> None:
    before = site.get("/cache/metrics", "acme-admin-demo")["metrics"]
    for _ in range(4):
        site.get("/dashboard/kpis")
    answer = site.get("/cache/metrics", "acme-admin-demo")
    assert answer == {"enabled": True, "metrics": answer["metrics"]}
    metrics = answer["metrics"]
    assert {name: type(metrics[name]) for name in SHAPE} == SHAPE
    # The document leaves these out; the original's code does not.
    assert metrics.keys() == {*SHAPE, *MORE}
    assert (metrics["hits"] - before["hits"], metrics["misses"] - before["misses"]) == (3, 1)
    assert metrics["total_requests"] == metrics["hits"] + metrics["misses"]
    assert metrics["hit_rate_percent"] == round(metrics["hits"] / metrics["total_requests"] * 100, 2)
    assert metrics["max_memory_mb"] == 256
    assert metrics["memory_usage_percent"] == round(metrics["used_memory_mb"] / 256 * 100, 2)
    summary = site.get("/metrics/summary", "acme-admin-demo")
    rate = round(metrics["hits"] / metrics["total_requests"] * 100, 1)
    assert summary == {"cache": {"hits": metrics["hits"], "misses": metrics["misses"], "hit_rate_pct": rate}}
