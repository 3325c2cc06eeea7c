"""An application of FastAPI for one worker: every operation names the process and the run that answered."""

from __future__ import annotations

import asyncio
import itertools
import os

from fastapi import Depends, FastAPI, WebSocket
from starlette.responses import StreamingResponse

import hitrate
from hitrate.asgi import ResponseCacheMiddleware
from hitrate.fastapi import cached_response, lifespan, rate_limit
from hitrate.testing import Endpoint

DEADLINE = float(os.environ.get("APP_DEADLINE", "0.3"))

url = os.environ["APP_CACHE_URL"]
cache = hitrate.Cache(url, prefix="site", timeout=DEADLINE)
runs = itertools.count(1)
cancelled: list[str] = []
app = FastAPI(lifespan=lifespan(cache))
app.add_middleware(ResponseCacheMiddleware, cache=cache, shared=True, paths=["/kept"], key_prefix="kept")


def said() -> str:
    return f"{os.getpid()}:{next(runs)}"


@app.get("/page")
@cached_response(300, shared=True, lease=600, wait=600)
async def page() -> str:
    return said()


@app.get("/kept")
async def kept() -> str:
    return said()


@app.get("/limited", dependencies=[Depends(rate_limit("3/hour"))])
async def limited() -> str:
    return said()


@app.get("/slow")
@cached_response(300, shared=True, lease=600, wait=600)
async def slow() -> str:
    """Take until the test says so: until the key ``go`` is there. On a thread, for a test's client may block."""
    server = Endpoint(url)
    await asyncio.to_thread(server.execute, "INCR", "begun")
    while not await asyncio.to_thread(server.execute, "EXISTS", "go"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return said()


@app.get("/kept/stream")
async def stream() -> StreamingResponse:
    async def pieces():  # type: ignore[no-untyped-def]
        for number in itertools.count():
            yield f"{number}\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(pieces())


@app.websocket("/kept/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text.upper())


@app.get("/waited")
async def waited() -> dict[str, object]:
    stats = cache.stats()
    return {"timeouts": stats["timeouts"], "breaker": stats["breaker"]["state"]}


@app.get("/pid")
async def pid() -> int:
    return os.getpid()
