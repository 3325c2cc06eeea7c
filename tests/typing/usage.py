"""What type checkers are to make of the public names. Checked by mypy, never run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

import hitrate


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


def options() -> None:
    """The constructor takes what it documents, and nothing else."""
    assert_type(
        hitrate.Cache("redis://localhost", ttl=None, on_error="raise", tls_ca_file=Path("ca.pem")), hitrate.Cache
    )
    hitrate.Cache("redis://localhost", on_error="explode")  # type: ignore[arg-type]
    hitrate.Cache("redis://localhost", compresion="zlib")  # type: ignore[call-arg]
