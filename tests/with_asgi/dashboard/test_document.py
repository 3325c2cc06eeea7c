"""Each row of the dashboard's document, on the example: endpoints, keys, lifetimes, events, metrics, health, log."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.testing import Endpoint, free_port
from tests.faults.conftest import until
from tests.postgresql import NO_POSTGRESQL, postgresql
from tests.with_asgi.dashboard.site import (
    ACME,
    ENDPOINTS,
    GLOBEX,
    PREFIX,
    Site,
    change_behind_its_back,
    environment,
    generate,
    keys,
    serving,
)


@pytest.mark.parametrize(("path", "key", "ttl", "in_payload"), ENDPOINTS, ids=[row[0] for row in ENDPOINTS])
def test_an_endpoint_is_a_miss_then_a_hit_under_its_key(
    site: Site, server: Endpoint, path: str, key: str, ttl: int, in_payload: bool
) -> None:
    first, name = site.get(path), key.format(tenant=ACME)
    assert keys(server) == {name}
    assert dashboard.get_ttl(name.partition(":")[0]) == ttl
    assert ttl - 20 < server.execute("TTL", f"{PREFIX}:{name}") <= ttl
    data = first["payload"] if in_payload else first
    assert json.loads(server.execute("GET", f"{PREFIX}:{name}")) == data
    # What stands there is what is served, whoever stored it.
    server.execute("SET", f"{PREFIX}:{name}", json.dumps(data, separators=(",", ":")), "EX", 100)
    assert site.get(path) == first
    assert server.execute("TTL", f"{PREFIX}:{name}") <= 100


def test_a_hit_does_not_ask_the_source_and_a_changed_row_is_seen_after_forgetting(site: Site) -> None:
    before = site.get("/dashboard/kpis")
    change_behind_its_back(site, 1)
    assert site.get("/dashboard/kpis") == before
    with site.client("acme-admin-demo") as admin:
        assert admin.delete("/cache/tenant").json()["entries_invalidated"] == 1
    assert site.get("/dashboard/kpis") != before


def test_what_an_old_worker_stored_is_served_in_either_form(site: Site, server: Endpoint) -> None:
    for stored in ({"a": 1}, {"data": {"a": 1}, "cached_at": "2026-01-01T00:00:00"}):
        server.execute("SET", f"{PREFIX}:dashboard_kpis:{ACME}:days:30", json.dumps(stored), "EX", 60)
        assert site.get("/dashboard/kpis") == {"payload": {"a": 1}}


def test_a_tenant_sees_his_own_and_clears_his_own(site: Site, server: Endpoint) -> None:
    mine, theirs = (site.get("/dashboard/kpis", token) for token in ("acme-demo", "globex-demo"))
    assert keys(server) == {f"dashboard_kpis:{tenant}:days:30" for tenant in (ACME, GLOBEX)}
    assert (site.get("/dashboard/kpis", "acme-demo"), site.get("/dashboard/kpis", "globex-demo")) == (mine, theirs)
    foreign = site.get("/products", "globex-demo")["items"][0]["id"]
    with site.client("acme-admin-demo") as admin:
        assert admin.get(f"/products/{foreign}/pricing").status_code == 404
        assert admin.patch(f"/products/{foreign}", json={"price_cents": 1}).status_code == 404
        assert admin.delete("/cache/tenant").json()["success"] is True
    assert {key.split(":")[1] for key in keys(server)} == {GLOBEX}


def test_an_analysis_of_a_product_stands_in_an_envelope_and_goes_with_its_product(site: Site, server: Endpoint) -> None:
    one, other = (item["id"] for item in site.get("/products")["items"][:2])
    found = site.get(f"/products/{one}/pricing")
    site.get(f"/products/{other}/pricing")
    stored = json.loads(server.execute("GET", f"{PREFIX}:pricing:{ACME}:{one}"))
    assert stored["data"] == found
    assert stored.keys() == {"data", "cached_at"}
    with site.client("acme-admin-demo") as admin:
        answer = admin.delete(f"/cache/product/{one}").json()
    assert answer == {
        "success": True,
        "entries_invalidated": 1,
        "message": f"Invalidated 1 cache entries for product {one}",
    }
    assert f"pricing:{ACME}:{other}" in keys(server)
    assert f"pricing:{ACME}:{one}" not in keys(server)


def test_a_changed_price_is_an_event_that_clears_what_shows_it(site: Site, server: Endpoint) -> None:
    product = site.get("/products")["items"][0]
    for path in ("/dashboard/kpis", "/forecast/demand", "/sentiment/overview", f"/products/{product['id']}/pricing"):
        site.get(path)
        site.get("/dashboard/kpis", "globex-demo")
    with site.client() as client:
        done = client.patch(f"/products/{product['id']}", json={"price_cents": 4242})
    assert done.json()["price_cents"] == 4242
    assert keys(server) == {
        f"forecast_demand:{ACME}:days:30",
        f"sentiment_overview:{ACME}",
        f"dashboard_kpis:{GLOBEX}:days:30",
    }
    assert site.get("/products")["items"][0]["price_cents"] == 4242
    assert site.get(f"/products/{product['id']}/pricing")["price_cents"] == 4242


@pytest.mark.parametrize("what", ["reviews", "sales", "stock", "nothing"])
def test_other_events_clear_the_dashboards_and_a_refused_change_nothing(
    site: Site, server: Endpoint, what: str
) -> None:
    product = site.get("/products?limit=1")["items"][0]["id"]
    site.get("/dashboard/stats")
    with site.client() as client:
        client.patch(f"/products/{product}", json={"stock": 50})
        before = site.get("/dashboard/stats")
        if what == "reviews":
            assert client.post(f"/products/{product}/reviews", json={"stars": 5}).status_code == 201
        elif what == "sales":
            assert client.post(f"/products/{product}/sales", json={"pieces": 1}).status_code == 201
        elif what == "stock":
            assert client.patch(f"/products/{product}", json={"stock": 3}).status_code == 200
        else:
            assert client.post(f"/products/{product}/sales", json={"pieces": 1000}).status_code == 409
    is_cleared = f"dashboard_stats:{ACME}" not in keys(server)
    assert is_cleared == (what != "nothing")
    assert (site.get("/dashboard/stats") != before) == (what in {"reviews", "sales"})


def test_a_removed_product_is_gone_from_every_answer(site: Site) -> None:
    product = site.get("/products")["items"][-1]["id"]
    assert site.get(f"/products/{product}/pricing")
    total = site.get("/dashboard/stats")["products"]
    with site.client() as client:
        assert client.delete(f"/products/{product}").status_code == 204
        assert client.get(f"/products/{product}/pricing").status_code == 404
    assert site.get("/dashboard/stats")["products"] == total - 1
    assert product not in [item["id"] for item in site.get("/products")["items"]]


def test_metrics_and_health_have_the_documented_shape_and_are_for_administrators(site: Site) -> None:
    site.get("/dashboard/kpis")
    site.get("/dashboard/kpis")
    answer: dict[str, Any] = site.get("/cache/metrics", "acme-admin-demo")
    documented = "hits misses total_requests hit_rate_percent redis_evicted_keys".split()
    documented += "used_memory_mb max_memory_mb memory_usage_percent".split()
    assert answer.keys() == {"enabled", "metrics"}
    assert set(documented) <= answer["metrics"].keys()
    assert answer["metrics"]["hits"] >= 1
    health = site.get("/cache/health", "acme-admin-demo")
    assert health == {"enabled": True, "healthy": True, "message": "Cache is healthy"}
    summary = site.get("/metrics/summary", "acme-admin-demo")["cache"]
    assert summary.keys() == {"hits", "misses", "hit_rate_pct"}
    for verb, path in [
        ("GET", "metrics"),
        ("GET", "health"),
        ("DELETE", "tenant"),
        ("DELETE", f"product/{uuid.uuid4()}"),
    ]:
        with site.client() as member, site.client(None) as nobody:
            assert member.request(verb, f"/cache/{path}").status_code == 403
            assert nobody.request(verb, f"/cache/{path}").status_code == 401


def test_the_log_says_miss_set_hit(site: Site) -> None:
    before = len(site.log.read_text("utf-8"))
    site.get("/dashboard/insights")
    site.get("/dashboard/insights")
    key = f"dashboard_insights:{ACME}"
    lines = [f"❌ Cache MISS: {key}", f"💾 Cache SET: {key} (TTL: 300s)", f"✅ Cache HIT: {key}"]

    def said() -> list[str]:
        return [line.rpartition("dashboard: ")[2] for line in site.log.read_text("utf-8")[before:].splitlines()]

    until(lambda: [line for line in said() if key in line] == lines, "the log has it")


def test_without_redis_every_answer_comes_from_the_source(tmp_path: Path) -> None:
    with serving(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}") as site:
        for path, *_ in ENDPOINTS:
            assert site.get(path) == site.get(path)
        assert site.get("/cache/health", "acme-admin-demo") == {
            "enabled": True,
            "healthy": False,
            "message": "Cache is unhealthy",
        }
        metrics = site.get("/cache/metrics", "acme-admin-demo")["metrics"]
        assert metrics["hits"] == 0
        with site.client("acme-admin-demo") as admin:
            assert admin.delete("/cache/tenant").json()["entries_invalidated"] == 0


def test_it_runs_on_postgresql(server: Endpoint, tmp_path: Path) -> None:
    with postgresql() as found:
        if found is None:
            pytest.skip(NO_POSTGRESQL)
        place = f"{found['USER']}:{quote(found['PASSWORD'])}@{found['HOST']}:{found['PORT']}/{found['NAME']}"
        settings = {"DATABASE_URL": f"postgresql://{place}", "REDIS_URL": server.url, "DASHBOARD_KEY_PREFIX": PREFIX}
        generate(environment(tmp_path, **settings))
        with serving(tmp_path, **settings) as site:
            for path, *_ in ENDPOINTS:
                assert site.get(path) == site.get(path)
            product, before = site.get("/products")["items"][0]["id"], site.get("/dashboard/stats")
            with site.client() as client:
                assert client.patch(f"/products/{product}", json={"price_cents": 77, "stock": 1}).status_code == 200
                assert client.post(f"/products/{product}/sales", json={"pieces": 1}).json()["left"] == 0
                assert client.post(f"/products/{product}/sales", json={"pieces": 1}).status_code == 409
                assert client.get(f"/products/{product}/pricing").json()["price_cents"] == 77
            assert site.get("/dashboard/stats")["sales"] == before["sales"] + 1
