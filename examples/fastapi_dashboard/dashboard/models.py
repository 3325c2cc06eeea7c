"""The tables. Every row is of one tenant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables."""


class Product(Base):
    """Something that a tenant sells. Prices are in cents."""

    __tablename__ = "products"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(200))
    price: Mapped[int]
    stock: Mapped[int]


class Price(Base):
    """What a product cost from a time on."""

    __tablename__ = "prices"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    price: Mapped[int]
    __table_args__ = (Index("prices_by_tenant", "tenant_id", "at"),)


class Review(Base):
    """What a customer says of a product, with one to five stars."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(String(500))
    __table_args__ = (Index("reviews_by_tenant", "tenant_id", "at"),)


class Sale(Base):
    """So many pieces, sold at once for a price each."""

    __tablename__ = "sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    pieces: Mapped[int]
    price: Mapped[int]
    __table_args__ = (Index("sales_by_tenant", "tenant_id", "at"),)
