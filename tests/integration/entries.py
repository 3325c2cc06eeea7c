"""Entries, for the tests of them: the private verbs of a cache, blocking and not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hitrate
from hitrate._native import Entry, Lease

BODY = b"<p>\xc3\xa4</p>" * 100
HEADERS = (("Content-Type", "text/html; charset=utf-8"), ("Vary", "Accept"), ("X-Name", "Ärmel"))


class Entries:
    """The private verbs of a cache, as coroutines."""

    def __init__(self, cache: hitrate.Cache, *, twins: bool) -> None:
        self.cache = cache
        self._twins = twins

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            if self._twins:
                return await getattr(self.cache, f"_a{verb}")(*args, **options)
            return getattr(self.cache, f"_{verb}")(*args, **options)

        return call

    async def leased(self, key: str = "k", seconds: float = 60, *args: Any, **options: Any) -> Lease:
        found = await self.lease(key, seconds, *args, **options)
        assert isinstance(found, Lease)
        return found

    async def fill(self, lease: Lease, body: bytes = BODY, **options: Any) -> bool:
        times = {"etag": '"e"', "fresh": 100, "lifetime": 1000, **options}
        stored: bool = await self.fill_response(lease, 200, HEADERS, body, **times)
        return stored

    async def grow_old(self) -> None:
        """Let the records be as if they were a minute older, without waiting for it."""
        for key in self.cache.keys("hitrate:*"):
            full = self.cache.make_key(key)
            version, _, moment = self.cache.execute("GET", full).partition(b":")
            self.cache.execute("SET", full, version + b":%d" % (int(moment) - 60_000), "KEEPTTL")

    async def filled(self, key: str = "k", tags: tuple[str, ...] = (), **options: Any) -> Entry:
        assert await self.fill(await self.leased(key, 60, tags), **options)
        entry = await self.entry(key, tags)
        assert isinstance(entry, Entry)
        return entry


MakeEntries = Callable[..., Entries]
"""What the fixture `make_entries` is."""
