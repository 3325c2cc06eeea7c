"""
Forms of values: each is read whatever is configured, and written as Python's modules write it.

What is damaged, forged or moved is a counted miss and runs nothing.
"""

from __future__ import annotations

import copyreg
import gzip
import json
import lzma
import pickle
import random
import zlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import lz4.frame
import msgpack
import pytest
import pyzstd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import hitrate
from hitrate import values
from hitrate.exceptions import ConfigError, MissingKeyError, NotANumberError, SerializationError
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, MakeVerbs

ON_EVERY_STORE = True

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


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "executed")


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


class Level(IntEnum):
    FORTY_NINE = 49


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


class Reversed:
    """A serializer of a project's own, which writes text that nobody else can read."""

    def dumps(self, value: Any) -> bytes:
        return b"R" + json.dumps(value).encode()[::-1]

    def loads(self, data: bytes) -> Any:
        if data[:1] != b"R":
            raise ValueError("not mine")
        return json.loads(data[:0:-1])


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


@pytest.mark.parametrize("options", [{"serializer": "json"}, {"serializer": "msgpack"}, {"unpickle": "never"}])
def test_pickles_are_not_read_unless_that_was_asked_for(
    options: dict[str, Any], make_cache: MakeCache, server: Endpoint, prefix: str, canary: Canary
) -> None:
    cache = make_cache(**options)
    for protocol in range(6):
        for stored in (pickle.dumps(canary, protocol), zlib.compress(pickle.dumps(canary, protocol))):
            server.execute("SET", f"{prefix}:forged", stored)
            assert_counted_miss(cache, "forged")
    assert not canary.path.exists()
    make_cache().set("forged", canary)
    with make_cache().get("forged"):
        assert canary.path.exists()  # the canary can sing


SAFE = [
    *PLAIN,
    b"",
    b"\x00\xff",
    bytearray(b"ab"),
    (1, (2, ())),
    {1, 2},
    frozenset({"a"}),
    1 + 2j,
    Decimal("1.10"),
    date(2026, 1, 2),
    time(1, 2, 3),
    datetime.fromisoformat("2026-01-02T03:04:05.000006"),
    datetime(2026, 1, 2, tzinfo=timezone.utc),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=7), "WIB")),
    timedelta(days=1, microseconds=2),
    UUID("54d459ab-4ae8-480a-9d1c-d53b218a4fb2"),
    OrderedDict([("b", 1), ("a", [2])]),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_safe_unpickler_reads_plain_types(protocol: int, make_cache: MakeCache) -> None:
    cache = make_cache(pickle_protocol=protocol, unpickle="safe")
    for value in SAFE:
        cache.set("key", value)
        found = cache.get("key", MISS)
        assert (found, type(found)) == (value, type(value))
    assert decode_errors(cache) == 0


def opcodes(module: str, name: str, argument: bytes = b"") -> list[bytes]:
    """Pickles that call ``module.name(argument)``, by the opcodes of old and new protocols."""
    new = b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode()
    return [
        b"\x80\x02c%b\n%b\n%bR." % (module.encode(), name.encode(), argument),
        b"\x80\x04%b\x93%bR." % (new, argument),
        b"c%b\n%b\n%bR." % (module.encode(), name.encode(), argument),
    ]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("builtins", "dict.fromkeys"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("datetime", "sys.modules"),
        ("uuid", "os.system"),
        ("decimal", "getcontext"),
        ("collections", "OrderedDict.fromkeys"),
        ("copyreg", "_reconstructor"),
        ("hitrate.values", "SafeLoads"),
        ("tests.integration.test_values", "Canary"),
    ],
)
def test_the_safe_unpickler_knows_no_other_name(
    module: str, name: str, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    cache = make_cache(unpickle="safe")
    for stored in opcodes(module, name, b"(V1\nt"):
        server.execute("SET", f"{prefix}:forged", stored)
        assert_counted_miss(cache, "forged")


def test_the_safe_unpickler_makes_no_large_object_of_a_short_pickle(
    make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    cache = make_cache(unpickle="safe")
    huge = b"(J\xff\xff\xff\x7ft"
    for module, name, argument in (
        ("builtins", "bytes", huge),
        ("builtins", "bytearray", huge),
        ("_codecs", "encode", b"(Va\nVzlib\nt"),
        ("_codecs", "encode", b"(Va\nVhex\nt"),
    ):
        for stored in opcodes(module, name, argument):
            server.execute("SET", f"{prefix}:forged", stored)
            assert_counted_miss(cache, "forged")


@pytest.mark.parametrize(
    "forged",
    [
        b"\x80\x02Nr\xff\xff\xff\x00.",  # LONG_BINPUT: 256 MB
        b"Np16777215\n.",  # PUT
        b"\x80\x04\x8e\0\0\0\0\1\0\0\0a.",  # BINBYTES8: 4 GB
        b"\x80\x05\x96\0\0\0\0\1\0\0\0a.",  # BYTEARRAY8
    ],
)
def test_the_safe_unpickler_reserves_no_more_than_a_pickle_can_fill(
    forged: bytes, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    server.execute("SET", f"{prefix}:forged", forged)
    assert_counted_miss(make_cache(unpickle="safe"), "forged")


def test_the_safe_unpickler_takes_nothing_from_the_registry_of_extensions(
    make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    # CPython keeps what such a code named once, and asks no `find_class` about it again.
    copyreg.add_extension("os", "getpid", 0xF1)
    try:
        assert callable(pickle.loads(b"\x80\x02\x82\xf1."))
        server.execute("SET", f"{prefix}:forged", b"\x80\x02\x82\xf1)R.")
        assert_counted_miss(make_cache(unpickle="safe"), "forged")
    finally:
        copyreg.remove_extension("os", "getpid", 0xF1)


@pytest.mark.parametrize(("module", "name"), values.SAFE_GLOBALS)
def test_no_pickle_changes_what_the_safe_unpickler_makes_of_the_next(module: str, name: str) -> None:
    target = values.SAFE_GLOBALS[module, name]
    before = {attribute: getattr(target, attribute) for attribute in dir(target)}
    loads = values.SafeLoads()
    for state in ({"planted": 1}, (None, {"planted": 1}), (None, {"__call__": 1, "__init__": 1, "__defaults__": ()})):
        # The global itself, with a state put into it (BUILD).
        forged = b"\x80\x02c%b\n%b\n" % (module.encode(), name.encode()) + pickle.dumps(state, 2)[2:-1] + b"b."
        with pytest.raises((pickle.UnpicklingError, TypeError, AttributeError)):
            loads(forged)
    assert not hasattr(target, "planted")
    assert {attribute: getattr(target, attribute) for attribute in dir(target)} == before


def test_the_safe_unpickler_runs_nothing_and_can_be_told_more_names(make_cache: MakeCache, canary: Canary) -> None:
    make_cache().set("forged", canary)
    make_cache().set("level", Level.FORTY_NINE)
    safe = make_cache(unpickle="safe")
    assert_counted_miss(safe, "forged")
    assert not canary.path.exists()
    assert_counted_miss(safe, "level")
    more = make_cache(unpickle="safe", unpickle_globals=[f"{__name__}.Level"])
    assert more.get("level") is Level.FORTY_NINE
    assert_counted_miss(more, "forged")


# Signatures


async def test_signed_values_go_through_every_verb(make_verbs: MakeVerbs, make_cache: MakeCache) -> None:
    verbs, plain = make_verbs(signing_keys=[SECRET]), make_cache()
    assert await verbs.set("a", {"x": 1}) is True
    assert await verbs.add("b", "two") is True
    assert await verbs.set_many({"c": [3], "d": 4}) == []
    assert await verbs.get_or_set("e", lambda: 5.0) == 5.0
    assert await verbs.get_or_set("e", "another") == 5.0
    expected = {"a": {"x": 1}, "b": "two", "c": [3], "d": 4, "e": 5.0}
    assert await verbs.get_many("abcde") == expected
    for name, value in expected.items():
        assert await verbs.get(name) == value
        assert plain.execute("GET", plain.make_key(name)).startswith(b"\xc1hs\x01")
    # Without keys nobody looks at signatures, so that signing can be turned off again.
    assert plain.get_many("abcde") == expected


@pytest.mark.parametrize("value", [{"admin": False}, 7, "x" * 5000], ids=["dict", "int", "long"])
def test_an_entry_cannot_be_moved_changed_or_made(
    value: Any, make_cache: MakeCache, server: Endpoint, prefix: str, canary: Canary
) -> None:
    cache = make_cache(signing_keys=[SECRET], compressor="zstd")
    cache.set("mine", value)
    cache.set("yours", value)
    mine = server.execute("GET", f"{prefix}:mine")
    forgeries = {
        "of another key": server.execute("GET", f"{prefix}:yours"),
        "truncated": mine[:-1],
        "longer": mine + b" ",
        "without its signature": mine[36:],
        "an integer": b"7",
        "a pickle": pickle.dumps(canary),
        "with a signature of nulls": mine[:4] + bytes(32) + pickle.dumps(canary),
        "with the signature of another": mine[:36] + pickle.dumps(canary),
        "signed twice": mine[:36] + mine,
        "empty": b"",
        "a head alone": mine[:36],
    }
    for stored in forgeries.values():
        server.execute("SET", f"{prefix}:mine", stored)
        assert_counted_miss(cache, "mine")
    for bit in range(0, len(mine) * 8, max(1, len(mine) // 40)):
        changed = bytearray(mine)
        changed[bit // 8] ^= 1 << bit % 8
        server.execute("SET", f"{prefix}:mine", bytes(changed))
        assert cache.get("mine", MISS) == MISS, bit
    server.execute("RENAME", f"{prefix}:yours", f"{prefix}:mine")
    assert_counted_miss(cache, "mine")
    assert not canary.path.exists()
    assert cache.get_or_set("mine", value) == cache.get("mine") == value


def test_signing_keys_are_changed_and_begun_with_without_a_flush(make_cache: MakeCache) -> None:
    old, new = "the old key, 16 bytes and more", "the new key, 16 bytes and more"
    make_cache().set("unsigned", 0)
    make_cache(signing_keys=[old]).set("old", 1)
    both = make_cache(signing_keys=[new, old])
    both.set("new", 2)
    assert both.get_many(["unsigned", "old", "new"]) == {"old": 1, "new": 2}
    assert make_cache(signing_keys=[new]).get_many(["unsigned", "old", "new"]) == {"new": 2}
    lenient = make_cache(signing_keys=[new], accept_unsigned=True)
    assert lenient.get_many(["unsigned", "old", "new"]) == {"unsigned": 0, "new": 2}
    for wrong in ([], ["short"], ["x" * 15], "x" * 16, [SECRET, ""]):
        with pytest.raises(ConfigError, match="signing_keys") as refused:
            make_cache(signing_keys=wrong)
        assert SECRET not in str(refused.value)
    assert SECRET not in repr(make_cache(signing_keys=[SECRET]))


async def test_signed_counters_count(
    make_verbs: MakeVerbs, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    verbs = make_verbs(signing_keys=[SECRET])
    with pytest.raises(MissingKeyError):
        await verbs.incr("count")
    await verbs.set("count", 40, ttl=50)
    assert await verbs.incr("count") == 41
    assert await verbs.decr("count", 2) == 39
    assert await verbs.get("count") == 39
    assert 0 < server.execute("PTTL", f"{prefix}:count") <= 50_000
    with pytest.raises(hitrate.CounterOverflowError):
        await verbs.incr("count", 2**63 - 1)
    await verbs.set("text", "39")
    make_cache().set("unsigned", 1)
    for key in ("text", "unsigned"):
        with pytest.raises(NotANumberError):
            await verbs.incr(key)
    # What was there before signing began is counted on, and signed from then on.
    assert await make_verbs(signing_keys=[SECRET], accept_unsigned=True).incr("unsigned") == 2
    assert await verbs.get("unsigned") == 2


async def test_signed_counters_outlive_the_scripts_of_the_server(
    make_verbs: MakeVerbs, server: Endpoint, prefix: str
) -> None:
    verbs = make_verbs(signing_keys=[SECRET])
    await verbs.set("count", 40)
    server.execute("SCRIPT", "FLUSH")
    assert await verbs.incr("count") == 41
    server.execute("RPUSH", f"{prefix}:list", "a")
    with pytest.raises(NotANumberError):
        await verbs.incr("list")


async def test_processes_without_the_keys_count_on_with_a_signed_counter(
    make_verbs: MakeVerbs, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    signed, plain = make_cache(signing_keys=[SECRET], accept_unsigned=True), make_verbs()
    signed.set("count", 40, ttl=50)
    assert await plain.incr("count") == 41
    assert server.execute("GET", f"{prefix}:count") == b"41"
    assert 0 < server.execute("PTTL", f"{prefix}:count") <= 50_000
    assert (await plain.incr("count"), signed.incr("count"), await plain.decr("count")) == (42, 43, 42)
    signed.set("text", "40")
    with pytest.raises(NotANumberError):
        await plain.incr("text")


def test_counters_between_signing_and_not_lose_no_count(make_cache: MakeCache) -> None:
    caches = [make_cache(timeout=30), make_cache(signing_keys=[SECRET], accept_unsigned=True, timeout=30)]
    caches[0].set("count", 0)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda number: caches[number % 2].incr("count"), range(400)))
    assert sorted(seen) == list(range(1, 401))


def test_signed_counters_lose_no_count_between_threads(make_cache: MakeCache) -> None:
    cache = make_cache(signing_keys=[SECRET], timeout=30)
    cache.set("count", 0)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: cache.incr("count"), range(400)))
    assert sorted(seen) == list(range(1, 401))
    assert cache.get("count") == 400


# Anything at all

EVERYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
READERS: list[dict[str, Any]] = [
    {"serializer": "json"},
    {"serializer": "msgpack"},
    {"serializer": "json", "json_envelope": True},
    {"unpickle": "safe"},
    {"unpickle": "any"},
    {"serializer": Reversed(), "unpickle": "safe"},
]
quickly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quickly
@given(value=EVERYTHING, compressor=st.sampled_from(COMPRESSORS), signed=st.booleans())
def test_whatever_is_stored_comes_back(value: Any, compressor: str | None, signed: bool, make_cache: MakeCache) -> None:
    more = {"signing_keys": [SECRET]} if signed else {}
    for options in ({"serializer": "json"}, {"serializer": "json", "json_ascii": False}, {"unpickle": "safe"}):
        try:
            cache = make_cache(**options, compressor=compressor, compress_min_bytes=0, **more)
            cache.set("key", value)
        except SerializationError:
            assert "\\ud" in ascii(value)  # UTF-8 holds no lone surrogates
        else:
            found = cache.get("key", MISS)
            assert (found, type(found)) == (value, type(value))
        cache.close()


@quickly
@given(
    data=st.data(),
    compressor=st.sampled_from(COMPRESSORS),
    writer=st.sampled_from([*SERIALIZERS.values(), {"signing_keys": [SECRET]}]),
)
def test_changed_bytes_are_a_value_or_a_counted_miss(
    data: st.DataObject,
    compressor: str | None,
    writer: dict[str, Any],
    make_cache: MakeCache,
    server: Endpoint,
    prefix: str,
) -> None:
    cache = make_cache(**writer, compressor=compressor, compress_min_bytes=0)
    cache.set("key", data.draw(st.sampled_from([{"a": [1.5, "b" * 30, None]}, ["é"] * 40, 12345, UUID(int=5).hex])))
    cache.close()
    stored = bytearray(server.execute("GET", f"{prefix}:key"))
    for _ in range(data.draw(st.integers(0, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    del stored[data.draw(st.integers(0, len(stored))) :]
    _read_by_all(bytes(stored), make_cache, server, prefix)


@quickly
@given(stored=st.binary(max_size=300))
@example(stored=b"")
@example(stored=b"-")
@example(stored=b"-0")
@example(stored=b"9" * 5000)
@example(stored=b"\x80")
@example(stored=b"\x80\x05.")
@example(stored=b"\xc1hs\x01")
@example(stored=b"\x1f\x8b\x08")
@example(stored=b"[" * 100_000)
@example(stored=b"\x91" * 100_000)
@example(stored=b"\x80\x04" + b"]" * 100_000 + b".")
@example(stored=b"\x80\x04" + b"(" * 1000 + b"t" * 1000 + b".")
@example(stored=b"\x80\x02cos\nsystem\n(V\x00\ntR.")
def test_any_bytes_are_a_value_or_a_counted_miss(
    stored: bytes, make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    if b"R." not in stored:
        # Only the safe ones may meet a call.
        _read_by_all(stored, make_cache, server, prefix)
    _read_by_all(
        stored, make_cache, server, prefix, [options for options in READERS if options.get("unpickle") != "any"]
    )


def _read_by_all(
    stored: bytes, make_cache: MakeCache, server: Endpoint, prefix: str, readers: list[dict[str, Any]] = READERS
) -> None:
    server.execute("SET", f"{prefix}:key", stored)
    for options in [*readers, {"signing_keys": [SECRET]}]:
        cache = make_cache(**options)
        found = cache.get("key", MISS)
        errors = decode_errors(cache)
        assert errors == (1 if found == MISS else 0)
        assert len(cache.get_many(["key"])) == (0 if found == MISS else 1)
        cache.close()
