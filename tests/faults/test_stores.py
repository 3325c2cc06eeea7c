"""
A server, the embedded store and a model, driven by the same random operations: they never differ.

`operations` is 100,000 in all by default and more with ``HITRATE_SOAK``; a failure shows its seed and its last steps.
"""

from __future__ import annotations

import fnmatch
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import CounterError, HitrateError
from hitrate.testing import Server

KEYS = ["a", "b", "user:1", "user:2", "user:[3]", "ü*", "c" * 200]
PATTERNS = ["*", "user:*", "user:?", "[ab]", "user:\\[3\\]", "ü\\*", "none*"]
VALUES: list[Any] = [0, 1, -7, 2**62, "text", "", None, True, [1, 2], {"x": [None, True]}, "large" * 5000]
TTLS: list[float | None] = [None, 1000, 5000.5, 0, -1]
FAR = 4_000_000_000
"""A moment in the year 2096."""

Step = tuple[Any, ...]


class Model:
    """What a cache is: values, and whether their time will come (None: never)."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[Any, float | None]] = {}

    def get(self, key: str) -> Any:
        return self.entries.get(key, (None,))[0]

    def set(self, key: str, value: Any, ttl: float | None, *, nx: bool = False, xx: bool = False) -> bool:
        if (nx and key in self.entries) or (xx and key not in self.entries):
            return False
        if ttl is not None and ttl <= 0:
            self.entries.pop(key, None)
        else:
            self.entries[key] = (value, ttl)
        return True

    def add(self, key: str, value: Any, ttl: float | None) -> bool:
        return self.set(key, value, ttl, nx=True)

    def delete(self, key: str) -> bool:
        return self.entries.pop(key, None) is not None

    def has(self, key: str) -> bool:
        return key in self.entries

    def touch(self, key: str, ttl: float | None) -> bool:
        return key in self.entries and self.set(key, self.get(key), ttl)

    def expire(self, key: str, ttl: float) -> bool:
        return self.touch(key, ttl)

    def expire_at(self, key: str, moment: float) -> bool:
        return self.touch(key, 0 if moment < FAR else FAR)

    def persist(self, key: str) -> bool:
        value, ttl = self.entries.get(key, (None, None))
        if ttl is not None:
            self.entries[key] = (value, None)
        return ttl is not None

    def incr(self, key: str, delta: int) -> Any:
        if key not in self.entries:
            return "MissingKeyError"
        value, ttl = self.entries[key]
        if type(value) is not int:
            return "NotANumberError"
        if not -(2**63) <= value + delta < 2**63:
            return "CounterOverflowError"
        self.entries[key] = (value + delta, ttl)
        return value + delta

    def ttl(self, key: str) -> Any:
        return self.entries.get(key, (None, 0))[1]

    def get_many(self, keys: list[str]) -> dict[str, Any]:
        return {key: self.entries[key][0] for key in keys if key in self.entries}

    def set_many(self, values: dict[str, Any], ttl: float | None) -> list[str]:
        for key, value in values.items():
            self.set(key, value, ttl)
        return []

    def delete_many(self, keys: list[str]) -> int:
        return sum(self.delete(key) for key in keys)

    def get_or_set(self, key: str, value: Any, ttl: float | None) -> Any:
        if key not in self.entries:
            self.set(key, value, ttl)
            return value
        return self.get(key)

    def keys(self, pattern: str) -> list[str]:
        glob = pattern.replace("\\[", "[[]").replace("\\]", "[]]").replace("\\*", "[*]")
        return sorted(key for key in self.entries if fnmatch.fnmatchcase(key, glob))

    def delete_pattern(self, pattern: str) -> int:
        return self.delete_many(self.keys(pattern))

    def clear(self) -> int:
        return self.delete_many(list(self.entries))


def steps(chance: random.Random) -> Iterator[Step]:
    """Draw verbs with arguments, without end."""
    some = {
        "get": lambda: (key(),),
        "set": lambda: (key(), value(), ttl()),
        "set_if": lambda: (key(), value(), ttl(), chance.choice(["nx", "xx"])),
        "add": lambda: (key(), value(), ttl()),
        "delete": lambda: (key(),),
        "has": lambda: (key(),),
        "touch": lambda: (key(), ttl()),
        "expire": lambda: (key(), chance.choice([0, 1000, -3])),
        "expire_at": lambda: (key(), chance.choice([FAR, 1])),
        "persist": lambda: (key(),),
        "incr": lambda: (key(), chance.choice([1, -1, 5, 2**62, -(2**62)])),
        "ttl": lambda: (key(),),
        "get_many": lambda: (many(),),
        "set_many": lambda: ({name: value() for name in many()}, ttl()),
        "delete_many": lambda: (many(),),
        "get_or_set": lambda: (key(), value(), chance.choice([None, 1000])),
        "keys": lambda: (chance.choice(PATTERNS),),
        "delete_pattern": lambda: (chance.choice(PATTERNS[1:]),),
        "clear": tuple,
    }
    weights = [1 if verb in {"clear", "delete_pattern", "keys"} else 10 for verb in some]

    def key() -> str:
        return chance.choice(KEYS)

    def value() -> Any:
        return chance.choice(VALUES)

    def ttl() -> float | None:
        return chance.choice(TTLS)

    def many() -> list[str]:
        return chance.sample(KEYS, chance.randrange(1, len(KEYS)))

    while True:
        (verb,) = chance.choices(list(some), weights)
        yield (verb, *some[verb]())


def answer(cache: hitrate.Cache | Model, verb: str, *args: Any) -> Any:
    """Call the verb; what it returns or raises, in a form that can be compared."""
    if verb == "set_if":
        *args, condition = args  # type: ignore[assignment]
        return cache.set(*args, **{condition: True})
    try:
        found = getattr(cache, verb)(*args)
    except CounterError as error:
        return type(error).__name__
    if verb == "keys":
        return sorted(found)
    if verb == "ttl" and found:
        # Time passes between two questions, and most of all until 2096.
        return "far" if found > FAR / 4 else int(round(found, -2))
    return found


@pytest.fixture
def stores(own_server: Server, prefix: str, make_cache: Callable[..., hitrate.Cache]) -> list[hitrate.Cache]:
    """A cache on a server and one on an embedded store, alike in all else."""
    return [
        make_cache(url, prefix=prefix, timeout=60, on_error="raise") for url in (own_server.url, f"memory://{prefix}")
    ]


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_the_models(stores: list[hitrate.Cache], seconds: float, seed: int) -> None:
    operations = int(25_000 * seconds / 3)
    model, last = Model(), deque[Step](maxlen=20)
    for number, step in zip(range(operations), steps(random.Random(seed)), strict=False):
        last.append(step)
        wanted = answer(model, *step)
        for cache in stores:
            found = answer(cache, *step)
            assert (type(found), found) == (type(wanted), wanted), f"seed {seed}, step {number}, {cache}: {[*last]}"


COMMANDS: list[Callable[[random.Random], list[Any]]] = [
    lambda chance: ["SET", chance.choice(KEYS), chance.choice(["1", "x", "9223372036854775807"]), *options(chance)],
    lambda chance: ["GET", chance.choice(KEYS)],
    lambda chance: ["GETDEL", chance.choice(KEYS)],
    lambda chance: ["SETNX", chance.choice(KEYS), "1"],
    lambda chance: ["SETEX", chance.choice(KEYS), chance.choice([100, 0, -1, "x"]), "1"],
    lambda chance: ["PSETEX", chance.choice(KEYS), chance.choice([100_000, 0, 2**63]), "1"],
    lambda chance: ["INCRBY", chance.choice(KEYS), chance.choice([1, -3, 2**63 - 1, "x", " 1", "+1", "01", "-0"])],
    lambda chance: ["DECRBY", chance.choice(KEYS), chance.choice([1, 2**62, -(2**63) + 1])],
    lambda chance: [chance.choice(["INCR", "DECR", "STRLEN", "TYPE", "PERSIST", "TTL", "type"]), chance.choice(KEYS)],
    lambda chance: [
        chance.choice(["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]),
        chance.choice(KEYS),
        chance.choice([0, -1, 500_000, FAR, FAR * 1000, 2**63 - 1, -(2**63), "x"]),
        # GT and LT compare moments, and the two stores do not run this at the same one.
        *chance.choice(
            [[], [], ["NX"], ["XX"], ["xx"], ["XX", "XX"], ["XX", "NX"], ["NX", "LT"], ["LT", "GT"], ["??"]]
        ),
    ],
    lambda chance: [chance.choice(["EXISTS", "DEL", "UNLINK", "MGET"]), *chance.choices(KEYS, k=3)],
    lambda chance: [chance.choice(["RENAME", "RENAMENX"]), chance.choice(KEYS), chance.choice(KEYS)],
    lambda chance: [chance.choice(["GET", "SET", "INCRBY", "EXPIRE", "STRLEN", "MGET", "DEL", "SETEX", "RENAME"])],
    lambda chance: [chance.choice(["DBSIZE", "PING", "ECHO"]), *chance.choice([[], ["text"]])],
    lambda chance: ["FLUSHDB", *chance.choice([[], ["async"], ["SYNC"], ["x"], ["SYNC", "SYNC"]])],
    lambda chance: [
        "SCAN",
        chance.choice(["x", "0"]),
        *chance.choice([["COUNT", "0"], ["COUNT", "y"], ["MATCH"], ["?", 1]]),
    ],
]


def options(chance: random.Random) -> list[Any]:
    """Draw options of ``SET``, some of which contradict each other."""
    lifetime = [
        ["EX", 100],
        ["PX", 100_000],
        ["EXAT", FAR],
        ["PXAT", FAR * 1000],
        ["KEEPTTL"],
        ["EX", 0],
        ["PX", "x"],
        ["EX"],
    ]
    drawn = chance.choices([["NX"], ["XX"], ["GET"], ["nx"], ["??"], *lifetime], k=chance.choice([0, 0, 1, 1, 2]))
    return [word for option in drawn for word in option]


@pytest.mark.parametrize("seed", range(4))
def test_every_command_is_answered_as_by_a_server(stores: list[hitrate.Cache], seconds: float, seed: int) -> None:
    chance, last = random.Random(seed), deque[list[Any]](maxlen=20)
    for number in range(int(5000 * seconds / 3)):
        last.append(chance.choice(COMMANDS)(chance))
        answers = []
        for cache in stores:
            try:
                found = cache.execute(*last[-1])
            except HitrateError as error:
                # Of the text of a refusal only its code is promised.
                found = f"{type(error).__name__} {str(error).split()[3]}"
            if last[-1][0] == "TTL" and isinstance(found, int) and found > 0:
                found = round(found, -2)
            answers.append(found)
        assert answers[0] == answers[1], f"seed {seed}, step {number}: {[*last]}"
