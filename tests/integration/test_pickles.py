"""Pickles are read only where that was asked for, and by the safe unpickler nothing runs."""

from __future__ import annotations

import copyreg
import pickle
import zlib
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from hitrate import values
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache
from tests.integration.forms import MISS, PLAIN, Canary, Level, assert_counted_miss, decode_errors

ON_EVERY_STORE = True


@pytest.mark.parametrize("options", [{"serializer": "json"}, {"serializer": "msgpack"}, {"unpickle": "never"}])
def test_pickles_are_not_read_unless_that_was_asked_for(
    options: dict[str, Any], make_cache: MakeCache, server: Endpoint, prefix: str, canary: Canary
) -> None:
    cache = make_cache(**options)
    for protocol in range(6):
        for stored in (pickle.dumps(protocol), zlib.compress(pickle.dumps(protocol))):
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
        ("tests.integration.forms", "Canary"),
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
    more = make_cache(unpickle="safe", unpickle_globals=[f"{Level.__module__}.Level"])
    assert more.get("level") is Level.FORTY_NINE
    assert_counted_miss(more, "forged")


def test_the_safe_unpickler_finds_members_of_enums_that_it_was_told_and_no_other_attribute(
    make_cache: MakeCache, server: Endpoint, prefix: str
) -> None:
    def asking(owner: str, name: str) -> bytes:
        # As Python 3.11.2 has it, which is Debian 12's.
        return f"cbuiltins\ngetattr\nc{Level.__module__}\n{owner}\nV{name}\n".encode() + b"\x86R."

    names = [f"{Level.__module__}.{name}" for name in ("Level", "Canary")]
    cache = make_cache(unpickle="safe", unpickle_globals=names)
    server.execute("SET", f"{prefix}:level", asking("Level", "FORTY_NINE"))
    assert cache.get("level") is Level.FORTY_NINE
    for owner, name in (("Level", "mro"), ("Level", "__init__"), ("Level", "__members__"), ("Canary", "__init__")):
        server.execute("SET", f"{prefix}:forged", asking(owner, name))
        assert_counted_miss(cache, "forged")
