"""Applications that are mounted below a path, or served under one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import hitrate
from hitrate.asgi import RateLimitMiddleware, ResponseCacheMiddleware
from tests.with_asgi.asking import ask


def site(*middlewares: Middleware) -> Starlette:
    """Paths that name the run that answered."""
    runs = itertools.count(1)

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"run {next(runs)} of {request.scope['path']}")

    return Starlette(routes=[Route("/{rest:path}", page)], middleware=middlewares)


# How a server tells where the application is: a mount, uvicorn with a root path, a proxy that takes it off.
PLACES: list[Any] = [("/api", "", True), ("/api", "/api", False), ("", "/api", False), ("", "", False)]


@pytest.mark.parametrize(("begin", "root_path", "is_mounted"), PLACES)
async def test_paths_begin_where_the_application_is_mounted(
    cache: hitrate.Cache, begin: str, root_path: str, is_mounted: bool
) -> None:
    options: dict[str, Any] = {"shared": True, "paths": ["/me", "/products"], "exempt": ["/me/secret"]}
    app: Any = site(Middleware(ResponseCacheMiddleware, cache=cache, **options))
    if is_mounted:
        app = Starlette(routes=[Mount("/api", app)])

    async def asked(path: str) -> str:
        return (await ask(app, begin + path, root_path=root_path)).cache

    assert await asked("/me/secret") == await asked("/me/secret") == await asked("/other") == ""
    for path in ("/products", "/products/5"):
        assert await asked(path) == "hitrate; fwd=miss; stored"
        assert (await asked(path)).startswith("hitrate; hit")
    await cache.ainvalidate(keys=["asgi:/products/5"])
    assert await asked("/products/5") == "hitrate; fwd=miss; stored"
    assert (await asked("/products")).startswith("hitrate; hit")


@pytest.mark.parametrize(("begin", "root_path", "is_mounted"), PLACES)
async def test_limits_of_paths_count_where_the_application_is_mounted(
    cache: hitrate.Cache, begin: str, root_path: str, is_mounted: bool
) -> None:
    app: Any = site(Middleware(RateLimitMiddleware, cache=cache, limits="1/minute", paths=["/login"], exempt=["/x"]))
    if is_mounted:
        app = Starlette(routes=[Mount("/api", app)])
    found = [(await ask(app, begin + path, root_path=root_path)).status for path in ("/login", "/login", "/x", "/y")]
    assert found == [200, 429, 200, 200]


async def test_two_mounts_of_one_application_have_answers_of_their_own(cache: hitrate.Cache) -> None:
    inner = site(Middleware(ResponseCacheMiddleware, cache=cache, shared=True))
    app = Starlette(routes=[Mount("/one", inner), Mount("/two", inner)])
    for _ in range(2):
        for place in ("/one", "/two"):
            answer = await ask(app, f"{place}/page")
            assert answer.text.endswith(f" of {place}/page")
    assert answer.cache.startswith("hitrate; hit")
    # A path that only begins like the place is not below it.
    assert (await ask(inner, "/oneself", root_path="/one")).text.endswith("of /oneself")
    await cache.ainvalidate(keys=["asgi:/page"])
    assert [(await ask(app, f"{place}/page")).cache for place in ("/one", "/two")] == ["hitrate; fwd=miss; stored"] * 2
