"""Whatever is stored comes back; whatever stands there is a value or a counted miss."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hitrate.exceptions import SerializationError
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache
from tests.integration.forms import COMPRESSORS, MISS, SECRET, SERIALIZERS, Reversed, decode_errors

ON_EVERY_STORE = True

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
