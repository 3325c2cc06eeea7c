"""The same GET from asyncio: one task, and 64 at once on one event loop."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from bench import Bench, Case
from harness import Measure, MissedError, Sample, percentile_us
from peers import HITRATE_CACHE
from values import KEY, TTL, product

REDIS_ASYNCIO = "redis.asyncio + hiredis"
GLIDE_ASYNC = "valkey-glide"
Read = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def _redis(url: str, key: str) -> AsyncIterator[Read]:
    redis: Any = import_module("redis.asyncio").Redis.from_url(url)
    await redis.set(key, pickle.dumps(product()), ex=TTL)

    async def read() -> Any:
        return pickle.loads(await redis.get(key))

    yield read
    await redis.aclose()


@asynccontextmanager
async def _glide(url: str, key: str) -> AsyncIterator[Read]:
    glide: Any = import_module("glide")
    parts = urlsplit(url)
    address = glide.NodeAddress(parts.hostname, parts.port)
    client = await glide.GlideClient.create(glide.GlideClientConfiguration([address]))
    await client.set(key, pickle.dumps(product()), expiry=glide.ExpirySet(glide.ExpiryType.SEC, TTL))

    async def read() -> Any:
        return pickle.loads(await client.get(key))

    yield read
    await client.close()


@asynccontextmanager
async def _hitrate(url: str, key: str) -> AsyncIterator[Read]:
    cache: Any = import_module("hitrate").Cache(url, serializer="pickle")
    await cache.aset(key, product(), ttl=TTL)
    yield lambda: cache.aget(key)
    cache.close()


CLIENTS: dict[str, Callable[[str, str], AbstractAsyncContextManager[Read]]] = {
    HITRATE_CACHE: _hitrate,
    REDIS_ASYNCIO: _redis,
    GLIDE_ASYNC: _glide,
}


async def _one_task(read: Read, until: float) -> list[int]:
    taken: list[int] = []
    while (before := time.perf_counter()) < until:
        if await read() is None:
            raise MissedError
        taken.append(int((time.perf_counter() - before) * 1e9))
    return taken


async def _many_tasks(name: str, tasks: int, bench: Bench) -> Sample:
    async with CLIENTS[name](bench.url, f"{bench.prefix}-async:{KEY}") as read:
        await asyncio.gather(*(read() for _ in range(tasks)))
        cpu, started = time.process_time(), time.perf_counter()
        until = started + 2 * bench.seconds
        taken = await asyncio.gather(*(_one_task(read, until) for _ in range(tasks)))
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    each = [ns for task in taken for ns in task]
    return {
        "GET/s": len(each) / wall,
        "p50 µs": percentile_us(each, 50),
        "p99 µs": percentile_us(each, 99),
        "CPU µs": cpu / len(each) * 1e6,
    }


@contextmanager
def _on_one_loop(tasks: int, bench: Bench) -> Iterator[Measure]:
    yield lambda name: asyncio.run(_many_tasks(name, tasks, bench))


def _present() -> tuple[str, ...]:
    """redis.asyncio comes with redis-py, which the comparison needs anyway; valkey-glide is another package."""
    return (REDIS_ASYNCIO, GLIDE_ASYNC) if find_spec("glide") else (REDIS_ASYNCIO,)


CASES = tuple(
    Case(
        f"async-{tasks}",
        f"aget hit, 1 KB, asyncio, {tasks} task{'s' if tasks > 1 else ''}",
        (HITRATE_CACHE, *_present()),
        ("GET/s", "p50 µs", "p99 µs", "CPU µs"),
        partial(_on_one_loop, tasks),
        extra=_present(),
    )
    for tasks in (1, 64)
)
