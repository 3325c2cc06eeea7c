"""The same GET awaited: by one task and by many on one event loop, of asyncio or uvloop; and a local hit."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from bars import Bar
from bench import Bench, Case
from harness import Measure, MissedError, Sample, percentile_us
from peers import HITRATE_CACHE, HITRATE_CACHE_LOCAL
from values import KEY, TTL, product

TASKS = (1, 8, 64, 512)
REDIS_ASYNCIO = "redis.asyncio + hiredis"
GLIDE_ASYNC = "valkey-glide"
Read = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def _redis(url: str, key: str) -> AsyncIterator[Read]:
    # It takes a connection per call, by default no more than 100. With 512 tasks the last one waits long.
    redis: Any = import_module("redis.asyncio").Redis.from_url(url, max_connections=max(TASKS), socket_timeout=60)
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
async def _hitrate(url: str, key: str, **options: Any) -> AsyncIterator[Read]:
    cache: Any = import_module("hitrate").Cache(url, serializer="pickle", **options)
    await cache.aset(key, product(), ttl=TTL)
    yield lambda: cache.aget(key)
    await cache.aclose()


@asynccontextmanager
async def _local(url: str, key: str) -> AsyncIterator[Read]:
    async with _hitrate(url, key, local=import_module("hitrate").Local()) as read:
        # What the server says of the write may come while the first read is on its way, which then keeps no copy.
        await asyncio.sleep(0.1)
        await read()
        yield read


CLIENTS: dict[str, Callable[[str, str], AbstractAsyncContextManager[Read]]] = {
    HITRATE_CACHE: _hitrate,
    HITRATE_CACHE_LOCAL: _local,
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


async def _in_a_row(name: str, bench: Bench) -> Sample:
    async with CLIENTS[name](bench.url, f"{bench.prefix}-async:{KEY}") as read:
        # A clock read for each call would be a good part of a local hit.
        calls, lot = 0, 100
        cpu, started = time.process_time(), time.perf_counter()
        while time.perf_counter() < started + bench.seconds:
            for _ in range(lot):
                if await read() is None:
                    raise MissedError
            calls += lot
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"wall µs": wall / calls * 1e6, "CPU µs": cpu / calls * 1e6}


def _run(library: str, work: Coroutine[Any, Any, Sample]) -> Sample:
    if library == "asyncio":
        return asyncio.run(work)
    sample: Sample = import_module(library).run(work)
    return sample


@contextmanager
def _on_one_loop(library: str, tasks: int, bench: Bench) -> Iterator[Measure]:
    yield lambda name: _run(library, _many_tasks(name, tasks, bench))


@contextmanager
def _awaited_in_a_row(bench: Bench) -> Iterator[Measure]:
    yield lambda name: _run("asyncio", _in_a_row(name, bench))


def _present() -> tuple[str, ...]:
    """redis.asyncio comes with redis-py, which the comparison needs anyway; valkey-glide is another package."""
    return (REDIS_ASYNCIO, GLIDE_ASYNC) if find_spec("glide") else (REDIS_ASYNCIO,)


def _why_missing(library: str) -> str | None:
    return None if find_spec(library) else f"{library} is not installed"


BARS = {
    1: (Bar(HITRATE_CACHE, "p50 µs", REDIS_ASYNCIO, at_most=1.0),),
    64: (
        Bar(HITRATE_CACHE, "GET/s", REDIS_ASYNCIO, at_least=3.0),
        Bar(HITRATE_CACHE, "GET/s", GLIDE_ASYNC, at_least=1.0),
    ),
}


def _case(library: str, tasks: int) -> Case:
    return Case(
        f"async-{tasks}" if library == "asyncio" else f"async-{library}-{tasks}",
        f"aget hit, 1 KB, {library}, {tasks} task{'s' if tasks > 1 else ''}",
        (HITRATE_CACHE, *_present()),
        ("GET/s", "p50 µs", "p99 µs", "CPU µs"),
        partial(_on_one_loop, library, tasks),
        BARS.get(tasks, ()),
        extra=_present(),
        why_skipped=lambda _bench: _why_missing(library),
    )


CASES = (
    *(_case(library, tasks) for library in ("asyncio", "uvloop") for tasks in TASKS),
    Case(
        "async-local",
        "local hit awaited, 1 KB, asyncio, 1 task",
        (HITRATE_CACHE_LOCAL, HITRATE_CACHE, REDIS_ASYNCIO),
        ("wall µs", "CPU µs"),
        _awaited_in_a_row,
        (Bar(HITRATE_CACHE_LOCAL, "wall µs", REDIS_ASYNCIO, at_most=1 / 30),),
        extra=(REDIS_ASYNCIO,),
    ),
)
