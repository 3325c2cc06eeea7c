"""Bytes and keys from strangers: damaged values are misses, keys stay data."""

from __future__ import annotations

import json
import os
import pickle
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import hitrate
from hitrate._native import Lease
from hitrate.exceptions import InvalidKeyError, NotANumberError, ProtocolError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, run_python
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]
VALUE = {"id": 7, "name": "Ärmel", "tags": ["a", "b"], "price": 1.5, "nested": {"list": list(range(20)), "none": None}}
ROUNDS = 500


def poisons(serializer: str) -> list[bytes]:
    chance = random.Random(5)
    good = pickle.dumps(VALUE) if serializer == "pickle" else json.dumps(VALUE).encode()
    found = [
        b"",
        b"\x00",
        b"-",
        b"nul",
        b"\xff\xfe",
        b"{",
        b'"',
        b"[" * 100_000,
        b"9" * 5000,
        b"c__main__\nx\n.",
    ]
    found += [chance.randbytes(chance.randrange(1, 200)) for _ in range(ROUNDS)]
    found += [good[:cut] for cut in range(1, len(good))]
    # These are numbers, and the empty map of MessagePack.
    return [poison for poison in found if (not poison.isdigit() or len(poison) > 4300) and poison != b"\x80"]


@pytest.mark.parametrize("serializer", ["pickle", "json"])
async def test_damaged_values_are_misses_and_counted(
    own_server: Server, prefix: str, missing_cache: MakeCache, as_verbs: AsVerbs, serializer: str
) -> None:
    cache = missing_cache(timeout=60, serializer=serializer, on_error="raise")
    verbs = as_verbs(cache)
    await verbs.set("good", VALUE)
    stored = poisons(serializer)
    for number, poison in enumerate(stored):
        own_server.execute("SET", f"{prefix}:p{number}", poison)
    damaged = 0
    for number, poison in enumerate(stored):
        absent = object()
        found = await verbs.get(f"p{number}", absent)
        damaged += found is absent
        assert found is absent or serializer == "json" or decodes(poison), poison
    assert damaged > len(stored) * 0.9
    stats = cache.stats()
    assert (stats["errors"]["decode"], stats["misses"]) == (damaged, damaged)
    names = [f"p{number}" for number in range(len(stored))]
    assert (await verbs.get_many([*names, "good"]))["good"] == VALUE
    assert await verbs.get_or_set("p1", "fresh") == "fresh"
    with pytest.raises(NotANumberError):
        await verbs.incr("p1")
    assert await verbs.get("good") == VALUE
    assert stats["breaker"]["opened"] == 0
    assert cache.stats()["pool"]["connects"] <= 1


def decodes(data: bytes) -> bool:
    try:
        pickle.loads(data)
    except Exception:  # noqa: BLE001 (that is the question)
        return False
    return True


FLIP_BITS = """
import pickle, random, resource, sys
import hitrate
# A damaged length can ask for any amount of memory; what it gets is an error, here as on a server with limits.
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
cache = hitrate.Cache(sys.argv[1], prefix="p", serializer="pickle", on_error="raise", timeout=60)
good = pickle.dumps({"id": 7, "text": "x" * 300, "bytes": b"y" * 300, "many": list(range(300)), "pi": 3.14})
flips = [bytes([good[at // 8] ^ 1 << at % 8]) for at in range(len(good) * 8)]
poisons = [good[: at // 8] + flip + good[at // 8 + 1 :] for at, flip in enumerate(flips)]
poisons += [
    b"\\x80\\x04\\x8e\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x3f.",
    b"\\x80\\x04\\x96\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x3f.",
    b"\\x80\\x04\\x8d\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x3f.",
    b"\\x80\\x04N\\x72\\xff\\xff\\xff\\x3f.",
    b"\\x80\\x04B\\xff\\xff\\xff\\x7f.",
]
for number, poison in enumerate(poisons):
    cache.execute("SET", "p:k", poison)
    try:
        cache.get("k")
    except Exception as error:
        sys.exit(f"poison {number}, {poison[:60]!r}: {error!r}")
cache.set("k", 1)
assert cache.get("k") == 1
"""


def test_a_pickle_with_any_bit_flipped_raises_nothing(own_server: Server) -> None:
    done = run_python(FLIP_BITS, own_server.url)
    # Running out of memory, Python's own unpickler complains on stderr about its bytearrays.
    assert done.returncode == 0, done.stderr


def altered(stored: bytes, chance: random.Random) -> list[bytes]:
    """An envelope with each byte of its beginning changed, cut everywhere, grown, and with lengths that lie."""
    found = [stored[:at] + bytes([stored[at] ^ 1 << chance.randrange(8)]) + stored[at + 1 :] for at in range(300)]
    found += [stored[:at] for at in range(0, len(stored), 3)]
    found += [stored[:67] + chance.randbytes(chance.randrange(200)) for _ in range(ROUNDS)]
    found += [stored[:at] + b"\xff\xff\xff\xff" + stored[at + 4 :] for at in range(300)]
    return [*found, b"\xc1he\x01", b"\xc1he\x02" + stored[4:], stored[:67] + stored]


@pytest.mark.parametrize("signing_keys", [None, ["0123456789abcdef"]])
@pytest.mark.parametrize("kind", ["response", "value"])
def test_altered_entries_are_misses_and_are_computed_anew(
    own_server: Server, missing_cache: MakeCache, kind: str, signing_keys: list[str] | None
) -> None:
    cache = missing_cache(timeout=60, serializer="json", on_error="raise", signing_keys=signing_keys)
    full, tags = cache.make_key("k"), ("a", "b")

    def fill() -> None:
        lease = cache._lease("k", 60, tags)
        assert isinstance(lease, Lease)
        if kind == "response":
            headers = [("Content-Type", "text/plain"), ("X-Name", "Ärmel")]
            filled = cache._fill_response(lease, 200, headers, b"x" * 200, etag='"e"', fresh=10, lifetime=100)
        else:
            filled = cache._fill_value(lease, VALUE, fresh=10, lifetime=100)
        assert filled is True

    fill()
    stored = own_server.execute("GET", full)
    assert isinstance(stored, bytes)
    damaged = 0
    for poison in altered(stored, random.Random(7)):
        own_server.execute("SET", full, poison, "PX", 100_000)
        entry = cache._entry("k", tags)
        damaged += entry is None
        if entry is not None and signing_keys:
            # Of the head, id and lease may be changed: they decide who computes it, and not what it is.
            assert (entry.status, entry.value) == ((200, None) if kind == "response" else (0, VALUE))
        lease = cache._lease("k", 60, tags)
        if entry is None and not isinstance(lease, float):  # a changed kind may look like a placeholder
            assert isinstance(lease, Lease)
            cache._release(lease)
    assert damaged > 500
    own_server.execute("DEL", full)
    fill()
    assert cache._entry("k", tags) is not None
    stats = cache.stats()
    assert stats["errors"]["decode"] >= damaged - 10
    assert stats["pool"]["connects"] <= 1


HOSTILE_KEYS = [
    "a\r\nFLUSHALL\r\n",
    "a\n",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "nul\x00byte",
    "$-1\r\n",
    " ",
    "*",
    "?",
    "[a-z]",
    "\\",
    "\u2028\ufeff",
    "k" * 1_000_000,
    "../../etc/passwd",
    "{slot}:x",
    "%s%n",
]


async def test_keys_from_strangers_are_data(
    own_server: Server, prefix: str, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(missing_cache(timeout=60))
    own_server.execute("SET", "foreign", "stays")
    for number, key in enumerate(HOSTILE_KEYS):
        assert await verbs.set(key, number) is True
    assert await verbs.get_many(HOSTILE_KEYS) == {key: number for number, key in enumerate(HOSTILE_KEYS)}
    for number, key in enumerate(HOSTILE_KEYS):
        assert await verbs.get(key) == number
        assert await verbs.incr(key) == number + 1
    assert sorted(await verbs.keys()) == sorted(HOSTILE_KEYS)
    assert await verbs.delete_many(HOSTILE_KEYS) == len(HOSTILE_KEYS)
    assert own_server.execute("GET", "foreign") == b"stays"
    assert own_server.execute("DBSIZE") == 1


@pytest.mark.parametrize("key", ["\ud800", "a\udfffb", b"bytes", 5, None, ("a",)], ids=ascii)
async def test_what_is_no_text_is_no_key(missing_cache: MakeCache, as_verbs: AsVerbs, key: Any) -> None:
    verbs = as_verbs(missing_cache(timeout=60))
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: verbs.get(key),
        lambda: verbs.set(key, 1),
        lambda: verbs.add(key, 1),
        lambda: verbs.delete(key),
        lambda: verbs.incr(key),
        lambda: verbs.has(key),
        lambda: verbs.touch(key, 1),
        lambda: verbs.get_many(["fine", key]),
        lambda: verbs.set_many({"fine": 1, key: 1}),
        lambda: verbs.delete_many(["fine", key]),
    ]
    for call in calls:
        with pytest.raises(InvalidKeyError):
            await call()
    assert await verbs.get("fine") is None


@pytest.mark.parametrize("prefix_of", ["pre*", "p[r]e", "p?e", "pre\\", "pré\r\n"])
async def test_a_pattern_reaches_only_under_the_prefix(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, prefix_of: str
) -> None:
    verbs = as_verbs(missing_cache(timeout=60, prefix=prefix_of))
    others = ["prefix:k", "pre:k", "pxe:k", "k", "pre*ing:k"]
    for name in others:
        own_server.execute("SET", name, "stays")
    await verbs.set_many({"k": 1, "user:1": 1, "user:[2]": 1})
    assert sorted(await verbs.keys()) == ["k", "user:1", "user:[2]"]
    # Globs in what a user typed act on this cache's keys, and on nothing else.
    for typed in ("\r\nFLUSHALL\r\n", "[", "\\", "user:\\[2\\]"):
        await verbs.delete_pattern(typed)
    assert sorted(await verbs.keys()) == ["k", "user:1"]
    assert await verbs.delete_pattern("**:*") == 1
    assert await verbs.clear() == 1
    assert own_server.execute("DBSIZE") == len(others)


async def test_values_of_64_megabytes_come_back(missing_cache: MakeCache, as_verbs: AsVerbs) -> None:
    verbs = as_verbs(missing_cache(timeout=60, max_value_bytes=65 << 20))
    block = os.urandom(1 << 20)
    huge = block * 64
    assert await verbs.set("huge", huge) is True
    assert await verbs.get("huge") == huge
    assert (await verbs.get_many(["huge", "absent"]))["huge"] == huge


async def test_a_reply_longer_than_allowed_is_a_miss_and_says_why(missing_cache: MakeCache, as_verbs: AsVerbs) -> None:
    missing, raising = (missing_cache(timeout=60, max_reply_bytes=10_000, on_error=kind) for kind in ("miss", "raise"))
    await as_verbs(raising).set_many({"small": "x" * 5000, "large": "x" * 20_000})
    with pytest.raises(ProtocolError, match="max_reply_bytes"):
        await as_verbs(raising).get("large")
    for _ in range(5):
        assert await as_verbs(missing).get("large") is None
        assert await as_verbs(missing).get("small") == "x" * 5000
    stats = missing.stats()
    assert stats["errors"]["protocol"] == 5
    assert stats["breaker"]["opened"] == 0
