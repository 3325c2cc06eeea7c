"""What the dashboard shows, from the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.database import days_ago
from dashboard.models import Product, Review, Sale

LOW_STOCK = 10


async def kpis(db: AsyncSession, tenant: str, days: int) -> dict[str, Any]:
    """Revenue, orders and stars of the last days."""
    since = days_ago(days)
    sold = select(
        func.coalesce(func.sum(Sale.pieces * Sale.price), 0), func.count(), func.coalesce(func.sum(Sale.pieces), 0)
    )
    revenue, orders, pieces = (await db.execute(sold.where(Sale.tenant_id == tenant, Sale.at >= since))).one()
    stars = await db.scalar(select(func.avg(Review.stars)).where(Review.tenant_id == tenant, Review.at >= since))
    return {
        "revenue_cents": int(revenue),
        "orders": orders,
        "pieces": int(pieces),
        "average_order_cents": int(revenue) // orders if orders else 0,
        "average_stars": round(float(stars), 2) if stars is not None else None,
    }


async def trends(db: AsyncSession, tenant: str, days: int) -> list[dict[str, Any]]:
    """Revenue and orders of each day."""
    day = func.date(Sale.at)
    rows = await db.execute(
        select(day, func.sum(Sale.pieces * Sale.price), func.count())
        .where(Sale.tenant_id == tenant, Sale.at >= days_ago(days))
        .group_by(day)
        .order_by(day)
    )
    return [{"day": str(on), "revenue_cents": int(revenue), "orders": orders} for on, revenue, orders in rows]


async def alerts(db: AsyncSession, tenant: str) -> list[dict[str, Any]]:
    """Products of which there are few left."""
    rows = await db.scalars(
        select(Product).where(Product.tenant_id == tenant, Product.stock < LOW_STOCK).order_by(Product.stock).limit(20)
    )
    return [{"product_id": str(row.id), "name": row.name, "stock": row.stock} for row in rows]


async def insights(db: AsyncSession, tenant: str) -> list[dict[str, Any]]:
    """The products that brought most in the last month."""
    revenue = func.sum(Sale.pieces * Sale.price)
    rows = await db.execute(
        select(Product.id, Product.name, revenue)
        .join(Sale, Sale.product_id == Product.id)
        .where(Product.tenant_id == tenant, Sale.at >= days_ago(30))
        .group_by(Product.id, Product.name)
        .order_by(revenue.desc(), Product.id)
        .limit(5)
    )
    return [{"product_id": str(number), "name": name, "revenue_cents": int(sum_)} for number, name, sum_ in rows]


async def stats(db: AsyncSession, tenant: str) -> dict[str, int]:
    """How much of everything there is."""
    counts = {}
    for name, table in (("products", Product), ("reviews", Review), ("sales", Sale)):
        counts[name] = await db.scalar(select(func.count()).select_from(table).where(table.tenant_id == tenant)) or 0
    return counts


async def activity(db: AsyncSession, tenant: str, limit: int) -> list[dict[str, Any]]:
    """The last sales."""
    rows = await db.execute(
        select(Sale, Product.name)
        .join(Product, Product.id == Sale.product_id)
        .where(Sale.tenant_id == tenant)
        .order_by(Sale.at.desc(), Sale.id.desc())
        .limit(limit)
    )
    return [{"at": sale.at.isoformat(), "product": name, "pieces": sale.pieces} for sale, name in rows]
