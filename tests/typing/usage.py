"""What type checkers are to make of the public names. Checked by mypy, never run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from typing_extensions import assert_type

import hitrate
from hitrate.asgi import RateLimitMiddleware, ResponseCacheMiddleware
from hitrate.fastapi import cached_response, get_cache, lifespan, rate_limit
from hitrate.layouts import fastapi_dashboard


def single(cache: hitrate.Cache) -> None:
    """Verbs on one key."""
    assert_type(cache.get("k"), Any)
    assert_type(cache.set("k", 1, ttl=timedelta(minutes=5)), bool)
    assert_type(cache.set("k", 1, None, nx=True), bool)
    assert_type(cache.add("k", 1), bool)
    assert_type(cache.delete("k"), bool)
    assert_type(cache.has("k"), bool)
    assert_type(cache.touch("k", 2.5), bool)
    assert_type(cache.incr("k", 2), int)
    assert_type(cache.ttl("k"), int | None)
    assert_type(cache.get_or_set("k", lambda: 1, ttl=60), Any)


def many(cache: hitrate.Cache) -> None:
    """Verbs on many keys."""
    assert_type(cache.get_many(["a", "b"]), dict[str, Any])
    assert_type(cache.set_many({"a": 1}, ttl=60), list[str])
    assert_type(cache.delete_many(key for key in "ab"), int | None)
    assert_type(cache.delete_pattern("a*"), int | None)
    assert_type(cache.keys("a*"), list[str])
    assert_type(cache.clear(), int | None)


async def asynchronous(cache: hitrate.Cache) -> None:
    """The twins."""
    assert_type(await cache.aset("k", 1), bool)
    assert_type(await cache.aincr("k"), int)
    assert_type(await cache.aget_many(["a"]), dict[str, Any])
    assert_type(await cache.akeys(), list[str])
    async with cache.lock("job") as lock:
        assert_type(lock, hitrate.Lock)


async def dashboard() -> None:
    """What the layout of the FastAPI dashboard brings."""
    manager = fastapi_dashboard.CacheManager("redis://localhost", 256, use_memory_fallback=True, timeout=0.2)
    fastapi_dashboard.set_cache_manager(manager)
    key = fastapi_dashboard.make_cache_key("dashboard_kpis", "tenant", days=30)
    assert_type(key, str)
    assert_type(await fastapi_dashboard.get_cached(key), Any)
    assert_type(await fastapi_dashboard.set_cached(key, {}, ttl=fastapi_dashboard.get_ttl("dashboard_kpis")), bool)
    assert_type(await fastapi_dashboard.invalidate_tenant_cache("tenant", prefix="dashboard"), int)
    assert_type(await manager.get("pricing", "tenant", "product"), Any)
    assert_type(fastapi_dashboard.get_cache_manager(), fastapi_dashboard.CacheManager | None)
    assert_type(fastapi_dashboard.get_event_publisher(), fastapi_dashboard.EventPublisher)


def options() -> None:
    """The constructor takes what it documents, and nothing else."""
    assert_type(
        hitrate.Cache("redis://localhost", ttl=None, on_error="raise", tls_ca_file=Path("ca.pem")), hitrate.Cache
    )
    hitrate.Cache("redis://localhost", on_error="explode")  # type: ignore[arg-type]
    hitrate.Cache("redis://localhost", compresion="zlib")  # type: ignore[call-arg]


async def fastapi(cache: hitrate.Cache, request: Request) -> None:
    """Decorated operations keep their types, and the middlewares fit into applications."""
    app = FastAPI(lifespan=lifespan(cache, lambda: cache))

    @cached_response(60, shared=True, tags=["items"], params=["page"])
    async def items(page: int = 1) -> list[int]:
        return [page]

    @cached_response(60, vary_on=["user", lambda asked: asked.url.path], tags=lambda asked, number: [f"item:{number}"])
    def item(number: int) -> str:
        return str(number)

    assert_type(await items(page=2), list[int])
    assert_type(item(3), str)
    app.get("/", dependencies=[Depends(rate_limit("5/s", by={"5/s": "user"}))])(items)
    app.add_middleware(ResponseCacheMiddleware, cache=cache, ttl=60, vary_on="user")
    app.add_middleware(RateLimitMiddleware, cache=cache, limits=hitrate.Limit(5, 60), by=lambda scope: scope["path"])
    assert_type(await get_cache(request), hitrate.Cache)
    cached_response(60, tag=["items"])  # type: ignore[call-arg]
    cached_response(60, clients="nobody")  # type: ignore[arg-type]
