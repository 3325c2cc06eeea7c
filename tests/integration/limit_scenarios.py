"""
Calls of the script of limits at times that the caller chooses, which the twin in Rust is compared with.

``python -m tests.integration.limit_scenarios URL`` writes what a server answers to ``tests/data/limits/answers.txt``,
for ``src/limit/script/tests.rs``.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hitrate.testing import Endpoint

ROOT = Path(__file__).parents[2]
ANSWERS = ROOT / "tests/data/limits/answers.txt"
SEED, SCENARIOS, CALLS = 6, 30, 20

# In the order of their numbers; bytes of their states.
ALGORITHMS = {"fixed_window": 16, "sliding_window": 24, "gcra": 8, "sliding_log": 0}
START, MINUTE, HOUR = 1_700_000_000_000_000, 60_000_000, 3_600_000_000
PARTS = ("open", "fixed_window", "sliding_window", "sliding_log", "gcra", "once", "close")
# Of more than a test takes.
LIFETIME = b"3600000"


class Limit(NamedTuple):
    """One limit; the window in microseconds."""

    algorithm: str
    requests: int
    window: int
    burst: int

    def packed(self, at: int, length: int) -> bytes:
        """As `src/limit/packed.rs` packs it."""
        number = list(ALGORITHMS).index(self.algorithm) + 1
        extra = self.burst if self.algorithm == "gcra" else 0
        return struct.pack(">BHHddd", number, at, length, self.requests, self.window, extra) + LIFETIME


class Call(NamedTuple):
    """One call, or, with `foreign`, something else that is put under the first key."""

    now: int
    cost: int
    counts: bool
    foreign: bytes = b""


class Said(NamedTuple):
    """What is said of one limit; `retry` is None where the call fits or no wait helps."""

    allowed: bool
    remaining: int
    reset: int
    retry: int | None


@dataclass(frozen=True)
class Scenario:
    """Limits, and calls on them by one subject."""

    limits: list[Limit]
    calls: list[Call]

    @property
    def together(self) -> bool:
        """Whether a limiter keeps the states of these limits in one key."""
        return len(self.limits) > 1 and all(ALGORITHMS[limit.algorithm] for limit in self.limits)


def random_scenario(chance: random.Random, calls: int = CALLS) -> Scenario:
    """Limits of random kinds; a clock that stands still, goes on, jumps ahead and is set back."""
    kinds = list(ALGORITHMS)[: chance.choice([3, 3, 3, 4])]
    limits = [
        Limit(chance.choice(kinds), chance.randrange(1, 12), chance.randrange(MINUTE, HOUR), chance.randrange(1, 12))
        for _ in range(chance.randrange(1, 6))
    ]
    now, made = START, []
    for _ in range(calls):
        now += chance.choice([0, 0, chance.randrange(MINUTE), chance.randrange(2 * HOUR)])
        now -= chance.choice([0, 0, 0, 0, 0, chance.randrange(2 * HOUR)])
        made.append(Call(now, chance.choice([1, 1, 1, 2, 3, 12]), chance.random() < 0.8))
        if chance.random() < 0.05 and ALGORITHMS[limits[0].algorithm]:
            made.append(Call(0, 0, counts=False, foreign=b"x" * chance.choice([1, 7, 9, 23, 25, 49, 1000])))
    return Scenario(limits, made)


class Script:
    """The script of limits on a server, with a key in the place of the server's clock."""

    def __init__(self, server: Endpoint, prefix: str) -> None:
        self._server, self._prefix = server, prefix
        self._clock = f"{prefix}:clock"
        text = "".join((ROOT / "src/limit" / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)
        assert text.count("call('TIME')") == 1
        self._text = text.replace("call('TIME')", f"call('LRANGE', '{self._clock}', '0', '1')")

    def answers(self, scenario: Scenario, *, together: bool) -> Iterator[list[Said]]:
        """Run the calls, from nothing on; yields what is said of the limits by each that is one."""
        limits = scenario.limits
        keys = [f"{self._prefix}:{number}" for number in range(1 if together else len(limits))]
        self._server.execute("DEL", *keys)
        length, at, rules = sum(ALGORITHMS[limit.algorithm] for limit in limits), 1, []
        for limit in limits:
            size = ALGORITHMS[limit.algorithm]
            rules.append(limit.packed(at, length) if together else limit.packed(1, size))
            at += size
        for call in scenario.calls:
            if call.foreign:
                self._server.execute("SET", keys[0], call.foreign)
                continue
            self._server.execute("DEL", self._clock)
            self._server.execute("RPUSH", self._clock, *map(str, divmod(call.now, 1_000_000)))
            asked = (str(call.cost), str(int(call.counts)), *rules)
            reply = self._server.execute("EVAL", self._text, str(len(keys)), *keys, *asked)
            now, *numbers = struct.unpack(f">{len(reply) // 8}d", reply)
            assert now == call.now
            yield [said(*numbers[place : place + 4]) for place in range(0, len(numbers), 4)]


def said(allowed: float, remaining: float, reset: float, retry: float) -> Said:
    """From the numbers of a reply."""
    return Said(bool(allowed), int(remaining), int(reset), None if allowed or retry < 0 else int(retry))


def recorded(script: Script) -> str:
    """The scenarios of the file, with what the server answers."""
    chance, lines = random.Random(SEED), []
    for _ in range(SCENARIOS):
        scenario = random_scenario(chance)
        answers = script.answers(scenario, together=scenario.together)
        lines.append(f"scenario {'together' if scenario.together else 'apart'}")
        lines += [" ".join(map(str, limit)) for limit in scenario.limits]
        for call in scenario.calls:
            if call.foreign:
                lines.append(f"foreign {call.foreign.decode()}")
                continue
            numbers = [
                number
                for one in next(answers)
                for number in (int(one[0]), *one[1:3], "-" if one[3] is None else one[3])
            ]
            lines.append(" ".join(map(str, ("call", call.now, call.cost, int(call.counts), *numbers))))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    ANSWERS.parent.mkdir(exist_ok=True)
    ANSWERS.write_text(recorded(Script(Endpoint(sys.argv[1]), "hitrate-scenarios")), encoding="utf-8")
