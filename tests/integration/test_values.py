"""Forms of values: each is read whatever is configured, and written as Python's modules write it."""

from __future__ import annotations

import gzip
import json
import lzma
import pickle
import random
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgpack
import pytest

import hitrate
from hitrate.exceptions import ConfigError, SerializationError
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, MakeVerbs
from tests.integration.forms import (
    COMPRESSORS,
    MISS,
    PACK,
    PLAIN,
    SECRET,
    SERIALIZERS,
    UNPACK,
    Level,
    Reversed,
    assert_counted_miss,
    decode_errors,
)

ON_EVERY_STORE = True


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("writer", SERIALIZERS)
def test_every_form_is_read_whatever_is_configured(writer: str, compressor: str | None, make_cache: MakeCache) -> None:
    cache = make_cache(**SERIALIZERS[writer], compressor=compressor)
    for number, value in enumerate(PLAIN):
        cache.set(f"key{number}", value)
    names = [f"key{number}" for number in range(len(PLAIN))]
    for reader in ("json", "pickle", "msgpack"):
        other = make_cache(serializer=reader, unpickle="any")
        assert other.get_many(names) == dict(zip(names, PLAIN, strict=True))
        for name, value in zip(names, PLAIN, strict=True):
            found = other.get(name, MISS)
            assert (found, type(found)) == (value, type(value))
        assert decode_errors(other) == 0


@pytest.mark.parametrize("compressor", COMPRESSORS[1:])
def test_what_pythons_modules_compress_is_read_and_they_read_what_is_written(
    compressor: str, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    cache = make_cache(compressor=compressor)
    value = {"rows": ["a row of the table"] * 200}
    pickled = pickle.dumps(value)
    cache.set("ours", value)
    stored = server.execute("GET", f"{prefix}:ours")
    assert len(stored) < len(pickled) / 2
    assert UNPACK[compressor](stored) == pickled
    server.execute("SET", f"{prefix}:theirs", PACK[compressor](pickled))
    assert cache.get("theirs") == make_cache().get("theirs") == value


async def test_large_values_go_through_every_verb_and_leave_the_gil_to_others(
    make_verbs: MakeVerbs, make_cache: MakeCache
) -> None:
    order = random.Random(0)
    rows = {f"key{number}": order.randbytes(20_000).hex() for number in range(8)}
    for compressor in COMPRESSORS[1:]:
        verbs = make_verbs(compressor=compressor, compress_level=None, signing_keys=[SECRET], timeout=30)
        assert await verbs.set_many(rows) == []
        assert await verbs.get_many(rows) == rows
        assert await verbs.get_or_set("key0", "another") == rows["key0"]
        cache = make_cache(compressor=compressor, signing_keys=[SECRET], timeout=30)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda _, cache=cache: cache.get_many(rows), range(8))) == [rows] * 8


def test_short_values_and_those_that_do_not_shrink_are_stored_as_they_are(
    make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    cache = make_cache(serializer="json", compressor="zlib", compress_min_bytes=100)
    cache.set_many({"short": "a" * 97, "long": "a" * 98, "number": 10**200})
    assert server.execute("GET", f"{prefix}:short") == b'"' + b"a" * 97 + b'"'
    assert server.execute("GET", f"{prefix}:long")[:1] == b"x"
    assert server.execute("GET", f"{prefix}:number") == b"1" + b"0" * 200
    assert cache.get_many(["short", "long", "number"]) == {"short": "a" * 97, "long": "a" * 98, "number": 10**200}


def test_a_level_beyond_the_compressor_is_refused() -> None:
    for compressor, level in (("zlib", 10), ("lz4", 1), ("zstd", 0)):
        with pytest.raises(ConfigError, match=f"'compress_level' is {level}; this compressor takes"):
            hitrate.Cache("redis://localhost", compressor=compressor, compress_level=level)
    hitrate.Cache("redis://localhost", compressor="zstd", compress_level=22)


@pytest.mark.parametrize("compressor", COMPRESSORS[1:])
def test_a_decompression_bomb_is_a_counted_miss(
    compressor: str, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    cache = make_cache(serializer="json", max_value_bytes=1 << 16)
    server.execute("SET", f"{prefix}:bomb", PACK[compressor](b'"' + b"a" * (32 << 20) + b'"'))
    server.execute("SET", f"{prefix}:nested", PACK[compressor](PACK[compressor](b'"a"')))
    assert_counted_miss(cache, "bomb")
    assert_counted_miss(cache, "nested")


async def test_a_value_above_the_limit_is_refused_by_name_and_size_and_a_miss_when_found(
    make_verbs: MakeVerbs, make_cache: MakeCache, prefix: str
) -> None:
    verbs = make_verbs(serializer="json", max_value_bytes=1000)
    for call in (verbs.set, verbs.add):
        with pytest.raises(SerializationError) as refused:
            await call("large", "secret" * 200)
        assert str(refused.value) == (
            f"the value at '{prefix}:large' has 1202 bytes, and 'max_value_bytes' is 1000; "
            "store less under one key, or raise the limit"
        )
    with pytest.raises(SerializationError, match="has 1202 bytes"):
        await verbs.set_many({"large": "secret" * 200})
    with pytest.raises(SerializationError, match="has 1202 bytes"):
        await verbs.get_or_set("large", "secret" * 200)
    assert await verbs.set("just", "x" * 998) is True
    make_cache(serializer="json").set("large", "x" * 999)
    assert await verbs.get("large", MISS) == MISS


def test_integers_of_every_serializer_are_text_that_the_server_counts_with(
    make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    for options in SERIALIZERS.values():
        cache = make_cache(**options, compressor="zlib")
        cache.set("count", 41)
        assert server.execute("GET", f"{prefix}:count") == b"41"
        assert cache.incr("count") == cache.get("count") == 42


def test_a_number_that_is_no_plain_int_stays_what_it_is(make_cache: MakeCache) -> None:
    # As MessagePack 49 is one byte, which is also the digit 1.
    for serializer in ("json", "msgpack"):
        cache = make_cache(serializer=serializer)
        cache.set("level", Level.FORTY_NINE)
        assert cache.get("level") == 49
    cache = make_cache(serializer="pickle")
    cache.set("level", Level.FORTY_NINE)
    assert cache.get("level") is Level.FORTY_NINE


def test_what_a_serializer_cannot_hold_is_refused_without_showing_it(make_cache: MakeCache) -> None:
    for options, value, text in (
        ({"serializer": "json"}, {"secret"}, "a value of type set cannot be stored as JSON; use serializer='pickle'"),
        ({"serializer": "json", "json_ascii": False}, "\ud800", "a value of type str cannot be stored as JSON; use"),
        ({"serializer": "msgpack"}, {"secret"}, "a value of type set cannot be stored as MessagePack; use"),
        ({"serializer": "msgpack"}, [2**70], "a value of type list cannot be stored as MessagePack; use"),
        ({"serializer": "pickle"}, lambda: "secret", "a value of type function cannot be pickled"),
        ({"serializer": "pickle"}, 10**5000, "a value of type int cannot be pickled"),
    ):
        with pytest.raises(SerializationError) as refused:
            make_cache(**options).set("key", value)
        assert str(refused.value).startswith(text)
        assert "secret" not in str(refused.value)


def test_json_can_be_told_what_to_make_of_other_objects(make_cache: MakeCache) -> None:
    cache = make_cache(serializer="json", json_default=str)
    cache.set("price", {"price": Decimal("1.50"), "on": date(2026, 1, 2)})
    assert cache.get("price") == {"price": "1.50", "on": "2026-01-02"}
    with pytest.raises(ConfigError, match="'json_default' must be a function"):
        make_cache(serializer="json", json_default="str")


def test_the_envelope_holds_the_value_and_the_time(make_cache: MakeCache, server: Endpoint, prefix: str) -> None:
    cache = make_cache(serializer="json", json_envelope=True)
    for value in (7, None, {"data": 1, "cached_at": "2026"}):
        cache.set("key", value)
        stored = json.loads(server.execute("GET", f"{prefix}:key"))
        assert stored["data"] == value
        age = datetime.now(timezone.utc).replace(tzinfo=None) - datetime.fromisoformat(stored["cached_at"])
        assert timedelta(0) <= age < timedelta(minutes=1)
        assert cache.get("key", MISS) == value
    server.execute("SET", f"{prefix}:bare", b"[1, 2]")
    assert cache.get("bare") == [1, 2]
    with pytest.raises(ConfigError, match="'json_envelope' needs JSON"):
        make_cache(serializer="pickle", json_envelope=True)


def test_msgpack_is_that_of_its_package(make_cache: MakeCache, server: Endpoint, prefix: str) -> None:
    cache = make_cache(serializer="msgpack")
    for value in (b"bytes", "text", [1.5, {"a": None}], {1: 2, None: True, 1.5: b""}, 2**64 - 1):
        cache.set("key", [value])
        assert server.execute("GET", f"{prefix}:key") == msgpack.packb([value])
        assert cache.get("key") == [value]


def test_msgpack_is_asked_for_by_its_extra(make_cache: MakeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    make_cache(serializer="msgpack").set("key", {"a": 1})
    monkeypatch.setitem(__import__("sys").modules, "msgpack", None)
    with pytest.raises(ConfigError, match=r"pip install 'hitrate\[msgpack\]'"):
        make_cache(serializer="msgpack")
    assert_counted_miss(make_cache(serializer="json"), "key")


def test_a_serializer_of_ones_own_is_used_and_what_was_there_before_is_read(make_cache: MakeCache) -> None:
    before = make_cache(serializer="json", compressor="gzip")
    before.set_many({"old": {"a": "b" * 100}, "number": 7})
    for compressor in COMPRESSORS:
        cache = make_cache(serializer=Reversed(), compressor=compressor)
        cache.set("new", ["a"] * 100)
        assert cache.get_many(["old", "new", "number"]) == {"old": {"a": "b" * 100}, "new": ["a"] * 100, "number": 7}
        for other in COMPRESSORS:
            assert make_cache(serializer=Reversed(), compressor=other).get("new") == ["a"] * 100
        assert cache.incr("number") == 8
        cache.set("number", 7)
    make_cache(serializer="pickle").set("pickled", [1])
    assert_counted_miss(cache, "pickled")
    assert make_cache(serializer=Reversed(), unpickle="safe").get("pickled") == [1]


class Packed:
    """A serializer of a project's, as many are written."""

    def __init__(self, encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> None:
        self.dumps, self.loads = encode, decode


POINT = struct.Struct("3d")


@pytest.mark.parametrize(
    ("serializer", "own"),
    [
        (Packed(zlib.compress, zlib.decompress), b"own"),
        (Packed(gzip.compress, gzip.decompress), b"own"),
        (Packed(lzma.compress, lzma.decompress), b"own"),
        (Packed(lambda point: POINT.pack(*point), POINT.unpack), (1.0, 2.0, 3.0)),
    ],
    ids=["zlib", "gzip", "lzma", "struct"],
)
def test_what_decoders_raise_is_a_miss_and_what_was_there_before_is_read(
    make_cache: MakeCache, serializer: Packed, own: object
) -> None:
    cache = make_cache(serializer=serializer)
    cache.set("own", own)
    assert cache.get("own") == own
    make_cache(serializer="json").set("old", {"a": 1})
    assert cache.get("old") == {"a": 1}
    make_cache(serializer="pickle").set("pickled", [1])
    assert_counted_miss(cache, "pickled")
