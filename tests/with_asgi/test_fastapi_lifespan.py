"""The lifespan of FastAPI, where the cache is found, and limits as dependencies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Request,
    WebSocket,
)

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.fastapi import cached_response, get_cache, lifespan, rate_limit
from hitrate.testing import Server
from tests.with_asgi.asking import ask, scope_of


async def test_the_lifespan_opens_nothing_and_closes_all(own_server: Server) -> None:
    order: list[str] = []
    first = hitrate.Cache(own_server.url, prefix="one")
    made: list[hitrate.Cache] = []

    def second() -> hitrate.Cache:
        made.append(hitrate.Cache(own_server.url, prefix="two"))
        return made[0]

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        assert app.state.hitrate_cache is first
        order.append("starts")
        yield {"own": "state"}
        order.append("ends")

    app = FastAPI(lifespan=lifespan(first, second, inner=own))

    @app.get("/")
    async def page(cache: Annotated[hitrate.Cache, Depends(get_cache)], request: Request) -> str:
        assert cache is first
        await made[0].aset("x", 1)
        return str(await cache.aget("x", "nothing"))

    async with app.router.lifespan_context(app) as state:
        assert dict(state) == {"own": "state"}
        assert first.stats()["pool"]["connects"] == 0
        assert (await ask(app)).text == '"nothing"'
        assert first.stats()["round_trips"] > 0
    assert order == ["starts", "ends"]
    give_up = time.monotonic() + 30
    while clients(own_server) and time.monotonic() < give_up:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(0.01)
    assert clients(own_server) == []


def clients(server: Server) -> list[dict[str, str]]:
    """Who is connected to the server, but for whoever asks."""
    lines = server.execute("CLIENT", "LIST").decode().splitlines()
    found = [dict(part.split("=", 1) for part in line.split()) for line in lines]
    # Before Redis 7 without the subcommand.
    return [client for client in found if client["cmd"] not in ("client|list", "client")]


async def test_the_caches_are_closed_when_the_application_fails_to_start(cache: hitrate.Cache) -> None:
    @asynccontextmanager
    async def broken(app: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    app = FastAPI(lifespan=lifespan(cache, inner=broken))
    with pytest.raises(RuntimeError, match="no database"):
        async with app.router.lifespan_context(app):
            pass


async def test_an_application_without_a_cache_says_what_to_do() -> None:
    app = FastAPI()

    @app.get("/")
    @cached_response(60)
    async def page() -> str:
        return "page"

    with pytest.raises(ConfigError, match=r"FastAPI\(lifespan=lifespan\(cache\)\)"):
        await ask(app)


async def test_a_cache_may_be_named_where_it_is_used(cache: hitrate.Cache) -> None:
    app = FastAPI()
    runs = []

    @app.get("/")
    @cached_response(60, shared=True, cache=lambda: cache)
    async def page() -> str:
        runs.append(1)
        return "page"

    await ask(app)
    await ask(app)
    assert runs == [1]


async def test_a_function_that_is_no_path_operation_says_so() -> None:
    @cached_response(60)
    async def page() -> str:
        return "page"

    with pytest.raises(ConfigError, match="right below"):
        await page()

    with pytest.raises(ConfigError, match="streams"):

        @cached_response(60)
        def pieces() -> Iterator[str]:
            yield "a"


async def test_limits_are_a_dependency(app: FastAPI) -> None:
    decisions = []
    limit = rate_limit("2/minute", name="shared")

    @app.get("/one")
    async def one(decision: Any = Depends(limit)) -> str:  # noqa: B008
        decisions.append(decision.remaining)
        return "one"

    @app.get("/two", dependencies=[Depends(limit)])
    @cached_response(60, shared=True)
    async def two() -> str:
        return "two"

    first, second, third = await ask(app, "/one"), await ask(app, "/two"), await ask(app, "/two")
    assert decisions == [1]
    assert (first["ratelimit-policy"], second["ratelimit-policy"]) == ('"2/minute";q=2;w=60',) * 2
    assert third.status == 429
    assert third.text.startswith('{"detail":"Too many requests. Expected available in ')
    assert int(third["retry-after"] or 0) > 0
    assert third["content-type"] == "application/json"
    assert (await ask(app, "/two", client=("203.0.113.50", 1))).cache.startswith("hitrate; hit")


async def test_each_path_has_limits_of_its_own_unless_they_are_named(app: FastAPI) -> None:
    router = APIRouter(dependencies=[Depends(rate_limit("1/minute", by=lambda request: request.headers["x-user"]))])

    @router.get("/{number}/a")
    async def a(number: int) -> int:
        return number

    @router.get("/{number}/b")
    async def b(number: int) -> int:
        return number

    app.include_router(router, prefix="/v1")
    app.include_router(router, prefix="/v2")
    found = [
        (await ask(app, path, headers={"x-user": user})).status
        for user in ("ada", "bob")
        for path in ("/v1/1/a", "/v1/2/a", "/v1/1/b", "/v2/1/a")
    ]
    assert found == [200, 429, 200, 200] * 2


async def test_limits_of_all_operations_leave_websockets_alone(cache: hitrate.Cache) -> None:
    app = FastAPI(dependencies=[Depends(rate_limit("1/minute"))], lifespan=lifespan(cache))
    app.state.hitrate_cache = cache

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    scope = {**scope_of("/talk", "GET", ()), "type": "websocket", "scheme": "ws", "subprotocols": []}
    for _ in range(2):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message["type"])

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        await app(dict(scope), receive, send)
        assert sent == ["websocket.accept", "websocket.close"]
