"""Analyses of products and of all of them, from the database: prices, reviews, demand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.database import days_ago
from dashboard.models import Price, Product, Review, Sale


async def products(db: AsyncSession, tenant: str, limit: int, page: int) -> dict[str, Any]:
    """One page of the products, by name."""
    mine = select(Product).where(Product.tenant_id == tenant)
    total = await db.scalar(select(func.count()).select_from(mine.subquery())) or 0
    rows = await db.scalars(mine.order_by(Product.name, Product.id).limit(limit).offset((page - 1) * limit))
    items = [{"id": str(row.id), "name": row.name, "price_cents": row.price, "stock": row.stock} for row in rows]
    return {"items": items, "total": total, "page": page}


async def pricing_trends(db: AsyncSession, tenant: str, days: int) -> list[dict[str, Any]]:
    """The mean of the prices that were set on each day."""
    day = func.date(Price.at)
    rows = await db.execute(
        select(day, func.avg(Price.price), func.count())
        .where(Price.tenant_id == tenant, Price.at >= days_ago(days))
        .group_by(day)
        .order_by(day)
    )
    return [{"day": str(on), "average_cents": round(float(mean)), "changes": count} for on, mean, count in rows]


async def pricing(db: AsyncSession, product: Product) -> dict[str, Any]:
    """A product's price among those of the last three months, and what it might be."""
    low, high, mean = (
        await db.execute(
            select(func.min(Price.price), func.max(Price.price), func.avg(Price.price)).where(
                Price.product_id == product.id, Price.at >= days_ago(90)
            )
        )
    ).one()
    recommended = round((product.price + float(mean)) / 2) if mean is not None else product.price
    return {"price_cents": product.price, "low_cents": low, "high_cents": high, "recommended_cents": recommended}


async def sentiment_overview(db: AsyncSession, tenant: str) -> dict[str, Any]:
    """How many reviews are good, so-so and bad, of all products."""
    return await _sentiment(db, Review.tenant_id == tenant)


async def sentiment(db: AsyncSession, product_id: UUID) -> dict[str, Any]:
    """How many reviews are good, so-so and bad, of one product."""
    return await _sentiment(db, Review.product_id == product_id)


async def _sentiment(db: AsyncSession, which: Any) -> dict[str, Any]:
    mood = case((Review.stars >= 4, "positive"), (Review.stars == 3, "neutral"), else_="negative")
    rows = await db.execute(select(mood, func.count()).where(which).group_by(mood))
    return {"positive": 0, "neutral": 0, "negative": 0} | dict(rows.tuples().all())


async def demand(db: AsyncSession, tenant: str, days: int) -> list[dict[str, Any]]:
    """How many pieces of each product will be sold in so many days, if it goes on as in the last month."""
    pieces = func.sum(Sale.pieces)
    rows = await db.execute(
        select(Product.id, Product.name, pieces)
        .join(Sale, Sale.product_id == Product.id)
        .where(Product.tenant_id == tenant, Sale.at >= days_ago(30))
        .group_by(Product.id, Product.name)
        .order_by(pieces.desc(), Product.id)
        .limit(20)
    )
    return [{"product_id": str(number), "name": name, "pieces": round(sold * days / 30)} for number, name, sold in rows]
