"""The database, and a session for each request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from dashboard import settings
from dashboard.models import Base

engine = create_async_engine(settings.DATABASE_URL)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def create_tables() -> None:
    """Create what is not there yet."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def session_of_request() -> AsyncIterator[AsyncSession]:
    """A session that is closed with the request."""
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(session_of_request)]


def now() -> datetime:
    """The time as rows have it: in UTC, without an offset."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def days_ago(days: int) -> datetime:
    """The time so many days ago."""
    return now() - timedelta(days=days)
