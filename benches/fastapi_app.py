"""
One page of FastAPI, cached in the way that the environment names (``CONTENDER``): 100 rows, 20 KB of JSON.

``URL`` is the cache server, ``DATABASE`` a file for SQLite, which the first that starts has filled.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

import hitrate
from hitrate.asgi import ResponseCacheMiddleware
from hitrate.fastapi import cached_response, lifespan

URL, DATABASE, CONTENDER = os.environ["URL"], os.environ["DATABASE"], os.environ["CONTENDER"]
TTL = 300


class Row(BaseModel):
    """A row of a list as an API shows it."""

    id: int
    name: str
    sku: str
    description: str
    price: Decimal
    stock: int
    updated_at: datetime


def read(page: int) -> list[Row]:
    """Read as a repository does: in a thread, for it blocks."""
    connection = sqlite3.connect(DATABASE)
    try:
        found = connection.execute("SELECT * FROM row ORDER BY name LIMIT 100 OFFSET ?", ((page - 1) * 100,))
        names = [column[0] for column in found.description]
        return [Row(**dict(zip(names, values, strict=True))) for values in found]
    finally:
        connection.close()


async def rows(page: int = 1, ordering: str = "name", search: str = "") -> list[Row]:  # noqa: ARG001
    """The operation that all of them cache."""
    return await run_in_threadpool(read, page)


def local(name: str) -> hitrate.Local | None:
    return hitrate.Local() if name.endswith("near") else None


def plain() -> FastAPI:
    app = FastAPI()
    app.get("/rows")(rows)
    return app


def by_cashews() -> FastAPI:
    from cashews import cache

    cache.setup(URL, client_side=False)
    app = FastAPI()
    app.get("/rows")(cache(ttl=TTL, key="rows:{page}:{ordering}:{search}")(rows))
    return app


def by_fastapi_cache() -> FastAPI:
    from fastapi_cache import FastAPICache
    from fastapi_cache.backends.redis import RedisBackend
    from fastapi_cache.decorator import cache
    from redis.asyncio import Redis

    @asynccontextmanager
    async def life(_app: Any) -> AsyncIterator[None]:
        FastAPICache.init(RedisBackend(Redis.from_url(URL)), prefix="theirs")
        yield

    app = FastAPI(lifespan=life)
    app.get("/rows")(cache(expire=TTL)(rows))
    return app


def by_decorator(name: str) -> FastAPI:
    cache = hitrate.Cache(URL, prefix=f"fastapi-{name}", local=local(name))
    app = FastAPI(lifespan=lifespan(cache))
    app.get("/rows")(cached_response(TTL, shared=True)(rows))
    return app


def by_middleware(name: str) -> FastAPI:
    cache = hitrate.Cache(URL, prefix=f"fastapi-{name}", local=local(name))
    app = plain()
    app.add_middleware(ResponseCacheMiddleware, cache=cache, ttl=TTL, shared=True)
    return app


def make() -> FastAPI:
    """Make the application of this contender."""
    if CONTENDER == "plain":
        return plain()
    if CONTENDER == "cashews":
        return by_cashews()
    if CONTENDER == "fastapi-cache2":
        return by_fastapi_cache()
    return by_middleware(CONTENDER) if CONTENDER.startswith("middleware") else by_decorator(CONTENDER)


app = make()
