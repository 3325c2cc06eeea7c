"""The life of an application's cache: made known when it starts, closed when it ends."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

from starlette.requests import HTTPConnection

from hitrate.cache import Cache
from hitrate.exceptions import ConfigError

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Any]]

# In `app.state`.
ATTRIBUTE = "hitrate_cache"


def lifespan(
    cache: Cache | Callable[[], Cache], *others: Cache | Callable[[], Cache], inner: Lifespan | None = None
) -> Lifespan:
    """
    Make the lifespan of an application that has a cache: ``FastAPI(lifespan=lifespan(cache))``.

    Nothing is opened: a cache connects when it is first used, so that the application starts without its server. When
    it ends, all connections of these caches are closed.

    Args:
        cache: that `get_cache` and `cached_response` use, or a function that makes it when the application starts. It
            is also ``app.state.hitrate_cache``, which a mounted application, having a state of its own, needs to be
            given.
        others: to be closed as well.
        inner: the application's own lifespan, which runs within.
    """

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[Any]:
        caches = [one if isinstance(one, Cache) else one() for one in (cache, *others)]
        setattr(app.state, ATTRIBUTE, caches[0])
        try:
            if inner is None:
                yield
            else:
                async with _managed(inner)(app) as state:
                    yield state
        finally:
            for one in caches:
                await one.aclose()

    return run


def _managed(inner: Any) -> Lifespan:
    """Let an async generator function do, as Starlette does."""
    return asynccontextmanager(inner) if inspect.isasyncgenfunction(inner) else inner


async def get_cache(connection: HTTPConnection) -> Cache:
    """
    Give a path operation the application's cache: ``cache: Annotated[Cache, Depends(get_cache)]``.

    Raises:
        ConfigError: the application has none.
    """
    return cache_of(connection)


def cache_of(connection: HTTPConnection) -> Cache:
    """
    Find the cache of the application that a request is made to.

    Raises:
        ConfigError: it has none.
    """
    found: Cache | None = getattr(connection.app.state, ATTRIBUTE, None)
    if found is None:
        raise ConfigError(
            "the application has no cache; use FastAPI(lifespan=lifespan(cache)) and let the server run it, "
            f"or set app.state.{ATTRIBUTE}"
        )
    return found
