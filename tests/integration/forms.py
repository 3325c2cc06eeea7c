"""What the tests of values share: the forms there are, a canary, and what a counted miss is."""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import lz4.frame
import pyzstd

import hitrate

MISS = "a miss"
SECRET = "0123456789abcdef0123456789abcdef"
SERIALIZERS: dict[str, dict[str, Any]] = {
    "json": {"serializer": "json"},
    "json-utf8": {"serializer": "json", "json_ascii": False},
    "msgpack": {"serializer": "msgpack"},
    **{f"pickle-{protocol}": {"serializer": "pickle", "pickle_protocol": protocol} for protocol in range(6)},
}
COMPRESSORS = [None, "zlib", "gzip", "lzma", "lz4", "zstd"]
# Python's own modules, which django-redis calls.
PACK: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "lzma": lambda data: lzma.compress(data, preset=4),
    "lz4": lz4.frame.compress,
    "zstd": pyzstd.compress,
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.decompress,
    "gzip": gzip.decompress,
    "lzma": lzma.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": pyzstd.decompress,
}
# What every serializer holds.
PLAIN = [
    None,
    True,
    False,
    0,
    -7,
    2**63,
    1.5,
    -0.0,
    "",
    "42",
    "é\n🐘",
    [],
    {},
    [1, {"a": [None, "b"]}] * 20,
    "x" * 3000,
]


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def decode_errors(cache: hitrate.Cache) -> int:
    found: int = cache.stats()["errors"]["decode"]
    return found


def assert_counted_miss(cache: hitrate.Cache, key: str) -> None:
    """Both ways to read, and the one that overwrites."""
    before, stats = decode_errors(cache), cache.stats()
    assert cache.get(key, MISS) == MISS
    assert cache.get_many([key]) == {}
    assert decode_errors(cache) == before + 2
    assert cache.stats()["misses"] == stats["misses"] + 2
    assert cache.stats()["hits"] == stats["hits"]


class Reversed:
    """A serializer of a project's own, which writes text that nobody else can read."""

    def dumps(self, value: Any) -> bytes:
        return b"R" + json.dumps(value).encode()[::-1]

    def loads(self, data: bytes) -> Any:
        if data[:1] != b"R":
            raise ValueError("not mine")
        return json.loads(data[:0:-1])


class Level(IntEnum):
    FORTY_NINE = 49
