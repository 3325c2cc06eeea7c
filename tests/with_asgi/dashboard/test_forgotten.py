"""Rows of the dashboard's document about automatic invalidation: what each event forgets, key by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from hitrate import ConfigError
from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import CacheManager, DataEvent, EventPublisher, EventType
from hitrate.testing import Endpoint
from tests.with_asgi.dashboard.conftest import put
from tests.with_asgi.dashboard.site import ACME, ENDPOINTS, GLOBEX, Site, keys

E = EventType
PRODUCT = {E.PRODUCT_CREATED, E.PRODUCT_UPDATED, E.PRODUCT_DELETED}
PRICE = PRODUCT | {E.PRICE_UPDATED}
REVIEW = PRODUCT | {E.REVIEW_CREATED, E.REVIEW_UPDATED}
STOCK = PRICE | REVIEW | {E.INVENTORY_UPDATED}
FORECAST = PRODUCT | {E.SALES_RECORDED, E.INVENTORY_UPDATED, E.FORECAST_GENERATED}
ALL = set(EventType)
# What stands behind the tenant of each entry that the dashboard has, and the events that make it wrong.
OF_TENANT = {
    "dashboard": ("", ALL),
    "dashboard_stats": ("", ALL),
    "dashboard_activity": (":limit:10", ALL),
    "dashboard_kpis": (":days:30", ALL),
    "dashboard_insights": ("", ALL),
    "dashboard_alerts": ("", ALL),
    "dashboard_trends": (":days:30", PRICE | {E.SALES_RECORDED}),
    "products": (":limit:20:page:1", STOCK),
    "metrics": (":days:7", ALL),
    "competitor_matrix": ("", PRICE),
    "pricing_trends": (":days:30", PRICE),
    "pricing_recommendations": ("", PRICE),
    "pricing_promotions": ("", PRICE),
    "sentiment_overview": ("", REVIEW),
    "sentiment_themes": ("", REVIEW),
    "sentiment_reviews": (":page:1", REVIEW),
    "sentiment_complaints": ("", REVIEW),
    "forecast_demand": (":days:30", FORECAST),
    "forecast_inventory": ("", FORECAST),
    "forecast_sales": ("", FORECAST),
    "query_result": (":0123456789abcdef", ALL),
}
OF_PRODUCT = {
    "price_history": (":30", PRICE),
    "pricing_recs": ("", PRICE),
    "pricing": ("", PRICE),
    "sentiment": (":30d", REVIEW),
    "reviews": (":30d:0:200", REVIEW),
    "forecast": (":30", FORECAST),
    "product": ("", STOCK),
    "review": ("", REVIEW),
    "sales": ("", PRODUCT | {E.SALES_RECORDED}),
    "inventory": ("", PRODUCT | {E.INVENTORY_UPDATED}),
}


def entries(tenant: str, product: str) -> dict[str, set[EventType]]:
    """All keys of a tenant and one product, with what makes them wrong."""
    mine = {f"{kind}:{tenant}{rest}": events for kind, (rest, events) in OF_TENANT.items()}
    return mine | {f"{kind}:{tenant}:{product}{rest}": events for kind, (rest, events) in OF_PRODUCT.items()}


def test_the_table_has_every_type_of_entries() -> None:
    types = {entry.key.partition(":")[0] for entry in dashboard.ENTRIES} - {"startup"}
    assert types == OF_TENANT.keys() | OF_PRODUCT.keys()


@pytest.mark.parametrize("kind", EventType, ids=lambda kind: kind.value)
async def test_an_event_forgets_exactly_what_it_makes_wrong(manager: CacheManager, kind: EventType) -> None:
    publisher = EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, publisher)
    concerned = entries("t", "123")
    others = [*entries("u", "123"), *(f"{name}:t:1234{rest}" for name, (rest, _) in OF_PRODUCT.items()), "startup:ping"]
    for key in (*concerned, *others):
        await put(manager, key, 1)
    await publisher.publish(DataEvent(kind, "t", "row", "4711", metadata={"product_id": "123"}))
    left = set(await manager.cache.akeys())
    assert concerned.keys() - left == {key for key, events in concerned.items() if kind in events}
    assert left >= set(others)


@pytest.mark.parametrize(
    "arguments",
    [
        (("product.updated",), {"product_id": "123"}),
        (("product.updated",), {}),
        ((EventType.PRODUCT_UPDATED,), {}),
        ((DataEvent(EventType.PRODUCT_UPDATED, "t", "product", "123"),), {"product_id": "123"}),
        ((None,), {}),
    ],
    ids=["documented", "text", "type", "both", "none"],
)
async def test_publishing_what_names_no_tenant_says_what_to_write(
    manager: CacheManager, arguments: tuple[tuple[Any, ...], dict[str, Any]]
) -> None:
    event_bus, (given, named) = EventPublisher(), arguments
    await put(manager, "products:t:page:1", 1)
    # By the call itself: the document does not await it.
    with pytest.raises(ConfigError, match=r"does not say whose data.*DataEvent\(EventType.PRODUCT_UPDATED, tenant_id"):
        event_bus.publish(*given, **named)
    assert await manager.cache.akeys() == ["products:t:page:1"]
    dashboard.CacheInvalidationSubscriber(manager, event_bus)
    await event_bus.publish(DataEvent(EventType.PRODUCT_UPDATED, "t", "product", "123"))
    assert await manager.cache.akeys() == []


@pytest.mark.parametrize(
    ("kind", "tenant"), [("product.updated", "t"), ("PRODUCT_UPDATED", "t"), (E.PRICE_UPDATED, None)]
)
def test_an_event_of_no_type_or_tenant_is_none(kind: Any, tenant: object) -> None:
    with pytest.raises(ConfigError, match=r"'product\.updated'|'PRODUCT_UPDATED'|tenant is None"):
        DataEvent(kind, tenant, "product", "123")


TOKENS = ["acme-demo", "globex-demo"]
PRICING = "/products/{product}/pricing"
# What the README of the example says: by path, what has to change for its answer to be forgotten.
CHANGES = {
    "/dashboard/kpis": "product price stock review sale",
    "/dashboard/trends": "product price sale",
    "/dashboard/alerts": "product price stock review sale",
    "/dashboard/insights": "product price stock review sale",
    "/dashboard/stats": "product price stock review sale",
    "/dashboard/recent-activity": "product price stock review sale",
    "/products": "product price stock review sale",
    "/pricing/trends": "product price",
    "/sentiment/overview": "product review",
    "/forecast/demand": "product stock sale",
}
KEYS = {path: key for path, key, _, _ in ENDPOINTS}


def fill(site: Site, token: str, products: Iterable[str]) -> None:
    for path in (*CHANGES, *(PRICING.format(product=product) for product in products)):
        site.get(path, token)


@pytest.mark.parametrize("change", ["create", "rename", "price", "stock", "review", "sale", "delete"])
def test_a_change_forgets_exactly_the_answers_that_it_makes_wrong(site: Site, server: Endpoint, change: str) -> None:
    listed = {token: [item["id"] for item in site.get("/products", token)["items"]] for token in TOKENS}
    product, other = listed["acme-demo"][3:5]
    with site.client() as client:
        client.patch(f"/products/{product}", json={"stock": 50})
        for token in TOKENS:
            fill(site, token, listed[token][3:5])
        before = keys(server)
        assert len(before) == 2 * (len(CHANGES) + 2)
        done = {
            "create": lambda: client.post("/products", json={"name": "New", "price_cents": 5, "stock": 1}),
            "rename": lambda: client.patch(f"/products/{product}", json={"name": "Renamed"}),
            "price": lambda: client.patch(f"/products/{product}", json={"price_cents": 4242}),
            "stock": lambda: client.patch(f"/products/{product}", json={"stock": 3}),
            "review": lambda: client.post(f"/products/{product}/reviews", json={"stars": 5}),
            "sale": lambda: client.post(f"/products/{product}/sales", json={"pieces": 1}),
            "delete": lambda: client.delete(f"/products/{product}"),
        }[change]()
    assert done.is_success, done.text
    kind = "product" if change in {"create", "rename", "delete"} else change
    wrong = {KEYS[path].format(tenant=ACME) for path, kinds in CHANGES.items() if kind in kinds.split()}
    if change in {"rename", "price", "delete"}:
        wrong.add(f"pricing:{ACME}:{product}")
    assert before - keys(server) == wrong
    assert f"pricing:{ACME}:{other}" in keys(server)


def test_another_tenant_s_administrator_clears_nothing_of_the_first_one(site: Site, server: Endpoint) -> None:
    product = site.get("/products")["items"][0]["id"]
    fill(site, "acme-demo", [product])
    mine = keys(server)
    with site.client("globex-admin-demo") as admin:
        assert admin.delete("/cache/tenant").json()["entries_invalidated"] == 0
        assert admin.delete(f"/cache/product/{product}").json()["entries_invalidated"] == 0
        assert admin.delete("/cache/tenant", params={"tenant_id": ACME}).json()["entries_invalidated"] == 0
        assert keys(server) == mine
        site.get("/dashboard/kpis", "globex-demo")
        assert admin.delete("/cache/tenant").json()["entries_invalidated"] == 1
    assert keys(server) == mine
    with site.client("acme-admin-demo") as admin:
        assert admin.delete("/cache/tenant").json()["entries_invalidated"] == len(mine)
    assert f"dashboard_kpis:{GLOBEX}:days:30" not in keys(server)
