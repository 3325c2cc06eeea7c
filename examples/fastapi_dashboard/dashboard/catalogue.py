"""Products: the list, one product's analyses, and what changes them. A change is an event, told after the commit."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import select, update

from dashboard import analyses
from dashboard.answers import answer
from dashboard.auth import Tenant
from dashboard.database import Database, now
from dashboard.models import Price, Product, Review, Sale
from hitrate.layouts.fastapi_dashboard import (
    DataEvent,
    EventType,
    QueryCacheService,
    get_cache_manager,
    get_event_publisher,
)

router = APIRouter(tags=["products"])


async def _own_product(product_id: UUID, tenant: Tenant, db: Database) -> Product:
    """The product; 404 for one that is another tenant's, as for one that is not there."""
    found = await db.scalar(select(Product).where(Product.id == product_id, Product.tenant_id == tenant))
    if found is None:
        raise HTTPException(404, "no such product")
    return found


OwnProduct = Annotated[Product, Depends(_own_product)]


class NewProduct(BaseModel):
    """A product."""

    name: str = Field(min_length=1, max_length=200)
    price_cents: int = Field(gt=0)
    stock: int = Field(default=0, ge=0)


class Changes(BaseModel):
    """What is to be changed of a product."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    price_cents: int | None = Field(default=None, gt=0)
    stock: int | None = Field(default=None, ge=0)


class NewReview(BaseModel):
    """A review."""

    stars: int = Field(ge=1, le=5)
    text: str = Field(default="", max_length=500)


class NewSale(BaseModel):
    """A sale."""

    pieces: int = Field(gt=0)


async def tell(db: Database, kind: EventType, product: Product, entity_type: str, entity_id: object) -> None:
    """Tell what happened to a product, as soon as it has happened."""
    event = DataEvent(kind, product.tenant_id, entity_type, str(entity_id), metadata={"product_id": str(product.id)})
    await get_event_publisher().publish(event, db)


@router.get("/products")
async def products(
    tenant: Tenant,
    db: Database,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    # Each page is an entry: who asks for any number of them fills the cache with nothing.
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> dict[str, Any]:
    """One page of the products."""
    found: dict[str, Any] = await answer(
        "products", tenant, lambda: analyses.products(db, tenant, limit, page), limit=limit, page=page
    )
    return found


@router.post("/products", status_code=201)
async def add(tenant: Tenant, new: NewProduct, db: Database) -> dict[str, Any]:
    """Add a product."""
    product = Product(tenant_id=tenant, name=new.name, price=new.price_cents, stock=new.stock)
    db.add(product)
    await db.flush()
    db.add(Price(tenant_id=tenant, product_id=product.id, at=now(), price=new.price_cents))
    await tell(db, EventType.PRODUCT_CREATED, product, "product", product.id)
    await db.commit()
    return {"id": str(product.id)}


@router.get("/products/{product_id}/pricing")
async def pricing(product: OwnProduct, db: Database) -> dict[str, Any]:
    """The analysis of a product's price, in the envelope of `CacheManager`."""
    manager = get_cache_manager()
    queries = QueryCacheService(manager) if manager else None
    found: dict[str, Any] | None = (
        await queries.get_pricing_analysis(product.tenant_id, product.id) if queries else None
    )
    if found is None:
        # Read again: what was read before the cache was asked may be older than what has been forgotten since.
        await db.refresh(product)
        found = await analyses.pricing(db, product)
        if queries:
            await queries.set_pricing_analysis(product.tenant_id, product.id, found)
    return found


@router.patch("/products/{product_id}")
async def change(product: OwnProduct, changes: Changes, db: Database) -> dict[str, Any]:
    """Change a product's name, price and stock."""
    if changes.name is not None:
        product.name = changes.name
        await tell(db, EventType.PRODUCT_UPDATED, product, "product", product.id)
    if changes.price_cents is not None:
        product.price = changes.price_cents
        db.add(Price(tenant_id=product.tenant_id, product_id=product.id, at=now(), price=changes.price_cents))
        await tell(db, EventType.PRICE_UPDATED, product, "product", product.id)
    if changes.stock is not None:
        product.stock = changes.stock
        await tell(db, EventType.INVENTORY_UPDATED, product, "product", product.id)
    await db.commit()
    return {"id": str(product.id), "price_cents": product.price, "stock": product.stock}


@router.delete("/products/{product_id}", status_code=204)
async def remove(product: OwnProduct, db: Database) -> None:
    """Take a product away, with all that is said of it."""
    for table in (Price, Review, Sale):
        await db.execute(table.__table__.delete().where(table.product_id == product.id))
    await db.delete(product)
    await tell(db, EventType.PRODUCT_DELETED, product, "product", product.id)
    await db.commit()


@router.post("/products/{product_id}/reviews", status_code=201)
async def review(product: OwnProduct, new: NewReview, db: Database) -> dict[str, Any]:
    """Add a review."""
    row = Review(tenant_id=product.tenant_id, product_id=product.id, at=now(), stars=new.stars, text=new.text)
    db.add(row)
    await db.flush()
    await tell(db, EventType.REVIEW_CREATED, product, "review", row.id)
    await db.commit()
    return {"id": row.id}


@router.post("/products/{product_id}/sales", status_code=201)
async def sale(product: OwnProduct, new: NewSale, db: Database) -> dict[str, Any]:
    """Record a sale, which takes its pieces from the stock; 409 if there are too few."""
    # In one statement, so that two sales at once do not sell the same piece.
    enough = (Product.id == product.id, Product.stock >= new.pieces)
    taken = await db.execute(update(Product).where(*enough).values(stock=Product.stock - new.pieces))
    if taken.rowcount == 0:
        raise HTTPException(409, "there are too few left")
    await db.refresh(product)
    row = Sale(tenant_id=product.tenant_id, product_id=product.id, at=now(), pieces=new.pieces, price=product.price)
    db.add(row)
    await db.flush()
    await tell(db, EventType.SALES_RECORDED, product, "sale", row.id)
    await tell(db, EventType.INVENTORY_UPDATED, product, "product", product.id)
    await db.commit()
    return {"id": row.id, "left": product.stock}
