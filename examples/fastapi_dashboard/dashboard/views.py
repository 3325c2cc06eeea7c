"""The endpoints of the dashboard. Answers are those of the original: some in ``payload``, some bare."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from dashboard import figures
from dashboard.answers import answer
from dashboard.auth import Tenant
from dashboard.database import Database

router = APIRouter(prefix="/dashboard", tags=["dashboard"])

Days = Annotated[int, Query(ge=1, le=365)]


@router.get("/kpis")
async def kpis(tenant: Tenant, db: Database, days: Days = 30) -> dict[str, Any]:
    """Revenue, orders and stars."""
    return {"payload": await answer("dashboard_kpis", tenant, lambda: figures.kpis(db, tenant, days), days=days)}


@router.get("/trends")
async def trends(tenant: Tenant, db: Database, days: Days = 30) -> dict[str, Any]:
    """Revenue and orders of each day."""
    return {"payload": await answer("dashboard_trends", tenant, lambda: figures.trends(db, tenant, days), days=days)}


@router.get("/alerts")
async def alerts(tenant: Tenant, db: Database) -> dict[str, Any]:
    """Products of which there are few left."""
    return {"payload": await answer("dashboard_alerts", tenant, lambda: figures.alerts(db, tenant))}


@router.get("/insights")
async def insights(tenant: Tenant, db: Database) -> dict[str, Any]:
    """The products that brought most."""
    return {"payload": await answer("dashboard_insights", tenant, lambda: figures.insights(db, tenant))}


@router.get("/stats")
async def stats(tenant: Tenant, db: Database) -> dict[str, int]:
    """How much of everything there is."""
    found: dict[str, int] = await answer("dashboard_stats", tenant, lambda: figures.stats(db, tenant))
    return found


@router.get("/recent-activity")
async def recent_activity(
    tenant: Tenant, db: Database, limit: Annotated[int, Query(ge=1, le=100)] = 10
) -> list[dict[str, Any]]:
    """The last sales."""
    found: list[dict[str, Any]] = await answer(
        "dashboard_activity", tenant, lambda: figures.activity(db, tenant, limit), limit=limit
    )
    return found
