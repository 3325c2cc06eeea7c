"""Several limits whose states stand in one key: judged as if each had its own, and nobody else's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, Verbs
from tests.integration.limit_scenarios import ANSWERS, Scenario, Script, random_scenario, recorded

ON_EVERY_STORE = True

THREE = [
    hitrate.Limit("5/minute", name="short", algorithm="fixed_window"),
    hitrate.Limit("20/hour", name="long"),
    hitrate.Limit("100/day", name="pace", algorithm="gcra"),
]

MakeLimiter = Callable[..., Verbs]


@pytest.fixture
def make_limiter(make_cache: MakeCache, protocol: int, twins: bool) -> MakeLimiter:
    cache = make_cache(protocol=protocol)

    def make(limits: Any = THREE, **options: Any) -> Verbs:
        return Verbs(hitrate.RateLimiter(cache, limits, max_staleness=0, on_error="raise", **options), twins=twins)

    return make


@pytest.fixture
def keys(server: Endpoint, prefix: str) -> Callable[[], list[str]]:
    """The keys under the prefix of this test."""
    return lambda: sorted(key.decode() for key in server.execute("KEYS", f"{prefix}:*"))


@pytest.fixture
def script(server: Endpoint, prefix: str, store: str) -> Script:
    if store == "memory":
        pytest.skip("the embedded store runs the twin, which Rust's tests ask")
    return Script(server, prefix)


def left(decision: hitrate.Decision) -> list[int]:
    return [limit.remaining for limit in decision.limits]


def test_a_server_answers_as_its_twin_does(script: Script) -> None:
    # The same file is what src/limit/script/tests.rs compares the twin with.
    assert recorded(script) == ANSWERS.read_text(encoding="utf-8")


def test_limits_that_stand_together_are_judged_as_if_each_had_a_key_of_its_own(script: Script) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    chance = random.Random(seed)
    compared = refused = 0
    while compared < 1500:
        made = random_scenario(chance, calls=40)
        scenario = Scenario(made.limits, [call for call in made.calls if not call.foreign])
        if not scenario.together:
            continue
        answers = [list(script.answers(scenario, together=together)) for together in (True, False)]
        assert answers[0] == answers[1], scenario
        compared += len(answers[0])
        refused += sum(not all(said.allowed for said in answer) for answer in answers[0])
    assert 0 < refused < compared


async def test_all_states_of_a_subject_stand_in_one_key_for_as_long_as_the_longest_matters(
    make_limiter: MakeLimiter, server: Endpoint, prefix: str, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter()
    assert left(await limiter.peek("user:42")) == [5, 20, 100]
    assert keys() == []
    assert left(await limiter.hit("user:42")) == [4, 19, 99]
    tails = "}:short:fixed:60000000}:long:sliding:3600000000}:pace:gcra:86400000000"
    (key,) = keys()
    assert key == f"{prefix}:hitrate:rate:{{user:42{tails}"
    assert server.execute("STRLEN", key) == 16 + 24 + 8
    day = 86_400_000
    assert day < server.execute("PTTL", key) <= day + 10_000
    await limiter.hit("x" * 100_000)
    assert len(keys()) == 2
    assert await limiter.reset("user:42") is True
    assert await limiter.reset("user:42") is False
    assert left(await limiter.hit("user:42")) == [4, 19, 99]


async def test_states_that_go_on_keep_the_end_that_the_longest_needs(
    make_limiter: MakeLimiter, server: Endpoint, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter("100/minute, 1000/hour, 10000/day")
    for number in range(20):
        assert left(await limiter.hit("a")) == [99 - number, 999 - number, 9999 - number]
        (key,) = keys()
        assert server.execute("PTTL", key) > 2 * 86_400_000 - 60_000
    # Were the key about to end, no state in it could go on.
    assert server.execute("STRLEN", key) == 3 * 24


async def test_a_call_that_one_limit_refuses_leaves_the_value_as_it_was(
    make_limiter: MakeLimiter, server: Endpoint, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter()
    await limiter.hit("a", 5)
    (key,) = keys()
    before = server.execute("GET", key)
    refused = await limiter.hit("a")
    assert (refused.violated, left(refused)) == (("short",), [0, 15, 95])
    await limiter.peek("a")
    assert server.execute("GET", key) == before


@pytest.mark.parametrize(
    "change", [lambda v: v[:-1], lambda v: v + b"x", lambda v: v[:24], lambda v: b"", lambda v: b"?" * 99]
)
async def test_a_value_that_is_cut_longer_or_of_somebody_else_is_no_state(
    make_limiter: MakeLimiter, server: Endpoint, keys: Callable[[], list[str]], change: Callable[[bytes], bytes]
) -> None:
    limiter = make_limiter()
    await limiter.hit("a", 5)
    (key,) = keys()
    server.execute("SET", key, change(server.execute("GET", key)))
    assert left(await limiter.peek("a")) == [5, 20, 100]
    assert left(await limiter.hit("a")) == [4, 19, 99]
    assert server.execute("STRLEN", key) == 48
    assert server.execute("PTTL", key) > 86_400_000


async def test_a_value_of_other_bytes_locks_nobody_out_for_ever_and_is_written_over(
    make_limiter: MakeLimiter, server: Endpoint, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter()
    await limiter.hit("a", 5)
    (key,) = keys()
    for byte in (b"\x00", b"\x7f", b"\xff"):
        server.execute("SET", key, byte * 48)
        assert left(await limiter.hit("a")) == [4, 19, 99]


async def test_a_name_for_all_and_a_name_for_each_are_counted_apart(
    make_limiter: MakeLimiter, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter()
    assert left(await limiter.hit("a")) == [4, 19, 99]
    each = {"short": "a", "long": "a", "pace": "a"}
    assert left(await limiter.hit(each)) == [4, 19, 99]
    assert left(await limiter.hit({**each, "pace": None})) == [3, 18]
    assert len(keys()) == 4
    assert left(await make_limiter(THREE[:1]).peek("a")) == [3]
    assert await limiter.reset(each) is True
    assert left(await limiter.peek("a")) == [4, 19, 99]


async def test_limiters_share_counts_when_their_lists_of_limits_are_the_same(make_limiter: MakeLimiter) -> None:
    await make_limiter().hit("a")
    assert left(await make_limiter().peek("a")) == [4, 19, 99]
    for others in (THREE[::-1], THREE[:2], [*THREE, "9/second"], THREE[:1]):
        assert (await make_limiter(others).peek("a")).remaining == min(
            limit.remaining for limit in (await make_limiter(others).peek("nobody")).limits
        )


async def test_limits_with_a_log_among_them_have_a_key_each(
    make_limiter: MakeLimiter, keys: Callable[[], list[str]]
) -> None:
    limiter = make_limiter([*THREE, hitrate.Limit("9/hour", name="log", algorithm="sliding_log")])
    assert left(await limiter.hit("a")) == [4, 19, 99, 8]
    assert len(keys()) == 4
    assert left(await make_limiter(THREE[:1]).peek("a")) == [4]


async def test_as_many_limits_as_there_may_be_stand_in_one_short_key(
    make_limiter: MakeLimiter, keys: Callable[[], list[str]]
) -> None:
    limits = [hitrate.Limit(number, 3600, name=f"{number:064}") for number in range(101, 133)]
    limiter = make_limiter(limits)
    for number in range(5):
        assert left(await limiter.hit("a")) == [100 - number + place for place in range(32)]
    (key,) = keys()
    assert len(key) < 200
    assert left(await make_limiter(limits[::-1]).peek("a")) == [limit.count for limit in limits[::-1]]
