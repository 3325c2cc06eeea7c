"""Analyses of everything a tenant sells: prices, reviews, demand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dashboard import analyses
from dashboard.answers import answer
from dashboard.auth import Tenant
from dashboard.database import Database
from dashboard.views import Days

router = APIRouter(tags=["analyses"])


@router.get("/pricing/trends")
async def pricing_trends(tenant: Tenant, db: Database, days: Days = 30) -> dict[str, Any]:
    """The mean of the prices that were set on each day."""
    found = await answer("pricing_trends", tenant, lambda: analyses.pricing_trends(db, tenant, days), days=days)
    return {"payload": found}


@router.get("/sentiment/overview")
async def sentiment_overview(tenant: Tenant, db: Database) -> dict[str, Any]:
    """How many reviews are good, so-so and bad."""
    return {"payload": await answer("sentiment_overview", tenant, lambda: analyses.sentiment_overview(db, tenant))}


@router.get("/forecast/demand")
async def forecast_demand(tenant: Tenant, db: Database, days: Days = 30) -> dict[str, Any]:
    """How much of what will be sold."""
    found = await answer("forecast_demand", tenant, lambda: analyses.demand(db, tenant, days), days=days)
    return {"payload": found}
