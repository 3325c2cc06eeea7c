"""The application: ``uvicorn dashboard.main:app``."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI

from dashboard import catalogue, market, settings, views
from dashboard.auth import admin_only, current_tenant
from dashboard.database import create_tables, engine
from hitrate.layouts.fastapi_dashboard import (
    CacheManager,
    create_router,
    get_cache_manager,
    initialize_cache_invalidation,
    set_cache_manager,
)

# Every hit, miss and clear has a line.
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """The cache begins and ends with the application. Whether its server is there yet does not matter."""
    manager = CacheManager(settings.CACHE_URL, prefix=settings.KEY_PREFIX)
    await manager.connect()
    set_cache_manager(manager)
    initialize_cache_invalidation(manager)
    await create_tables()
    try:
        yield
    finally:
        set_cache_manager(None)
        await manager.disconnect()
        await engine.dispose()


app = FastAPI(title="Dashboard", lifespan=lifespan)
for router in (views.router, catalogue.router, market.router):
    app.include_router(router, prefix="/api/v1")
app.include_router(create_router(permission=admin_only, tenant=current_tenant), prefix="/api/v1")


@app.get("/api/v1/metrics/summary", dependencies=[Depends(admin_only)])
async def metrics_summary() -> dict[str, Any]:
    """What the cache did, in short."""
    manager = get_cache_manager()
    return {"cache": manager.metrics_summary() if manager else {"hits": 0, "misses": 0, "hit_rate_pct": 0}}
