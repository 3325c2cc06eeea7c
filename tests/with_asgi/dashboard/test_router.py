"""The endpoints about the cache: closed unless somebody says who may, in the documented shapes."""

from __future__ import annotations

import builtins
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import CacheManager, create_router
from tests.with_asgi.dashboard.conftest import put

PRODUCT = "0b7a3c1e-2f55-4e0e-9f2f-6a1d3a4f9b10"
ENDPOINTS = [("GET", "metrics"), ("GET", "health"), ("DELETE", "tenant"), ("DELETE", f"product/{PRODUCT}")]


def tenant_of_header(tenant: str = Header()) -> str:
    return tenant


def anybody() -> None:
    return None


def nobody() -> None:
    raise HTTPException(401, "sign in")


async def ask(verb: str, path: str, **options: Any) -> httpx.Response:
    app = FastAPI()
    app.include_router(create_router(**options))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await client.request(verb, f"/cache/{path}", headers={"tenant": "t"})


@pytest.mark.parametrize(("verb", "path"), ENDPOINTS)
async def test_it_is_closed_until_somebody_says_who_may(manager: CacheManager, verb: str, path: str) -> None:
    await put(manager, "dashboard_stats:t", 1)
    assert (await ask(verb, path)).status_code == 403
    assert (await ask(verb, path, permission=nobody)).status_code == 401
    if verb == "DELETE":
        refused = await ask(verb, path, permission=anybody)
        assert (refused.status_code, refused.json()) == (403, {"detail": "closed: this router was made without tenant"})
    assert await dashboard.get_cached("dashboard_stats:t") == 1


async def test_clearing_answers_in_the_documented_shape(manager: CacheManager) -> None:
    who = {"permission": anybody, "tenant": tenant_of_header}
    for key in ("dashboard_stats:t", "pricing:t:1", "dashboard_stats:u", f"forecast:t:{PRODUCT}:30"):
        await put(manager, key, 1)
    assert (await ask("DELETE", f"product/{PRODUCT}", **who)).json() == {
        "success": True,
        "entries_invalidated": 1,
        "message": f"Invalidated 1 cache entries for product {PRODUCT}",
    }
    assert (await ask("DELETE", "tenant", **who)).json() == {
        "success": True,
        "entries_invalidated": 2,
        "message": "Cleared 2 cache entries for tenant",
    }
    assert await manager.cache.akeys() == ["dashboard_stats:u"]
    assert (await ask("DELETE", "product/*", **who)).status_code == 422


async def test_metrics_come_in_both_documented_shapes(manager: CacheManager) -> None:
    wrapped = (await ask("GET", "metrics", permission=anybody)).json()
    assert wrapped == {"enabled": True, "metrics": wrapped["metrics"]}
    bare = (await ask("GET", "metrics", permission=anybody, bare_metrics=True)).json()
    assert bare.keys() == wrapped["metrics"].keys()
    assert bare["hit_rate_percent"] == 0


@pytest.mark.parametrize("is_switched_off", [False, True], ids=["no manager", "switched off"])
async def test_a_cache_that_is_off_says_so(
    manager: CacheManager, monkeypatch: pytest.MonkeyPatch, is_switched_off: bool
) -> None:
    if is_switched_off:
        monkeypatch.setenv("CACHE_ENABLED", "False")
    else:
        dashboard.set_cache_manager(None)
    assert (await ask("GET", "metrics", permission=anybody)).json() == {
        "enabled": False,
        "metrics": {"message": "Cache is disabled"},
    }
    assert (await ask("GET", "health", permission=anybody)).json() == {
        "enabled": False,
        "healthy": False,
        "message": "Cache is disabled",
    }
    cleared = (await ask("DELETE", "tenant", permission=anybody, tenant=tenant_of_header)).json()
    assert cleared["success"] is is_switched_off


def test_without_fastapi_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "fastapi":
            raise ModuleNotFoundError("No module named 'fastapi'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install fastapi"):
        create_router()
