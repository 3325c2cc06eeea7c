"""Rate limits on a real server and in the embedded store: by their models, together, and in one round trip."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.testing import Endpoint
from tests.integration.conftest import MakeCache, Verbs
from tests.integration.limit_models import MODELS, Once

ON_EVERY_STORE = True

ALGORITHMS = pytest.mark.parametrize("algorithm", MODELS)

MakeLimiter = Callable[..., Verbs]
"""What the fixture `make_limiter` is."""


@pytest.fixture
def limited(make_cache: MakeCache, protocol: int) -> hitrate.Cache:
    """The cache that the limiters of a test count on."""
    return make_cache(protocol=protocol)


@pytest.fixture
def make_limiter(limited: hitrate.Cache, twins: bool) -> MakeLimiter:
    """Make limiters that always ask, and raise if the server is away, seen through `Verbs`."""

    def make(limits: Any, algorithm: Any = "sliding_window", **options: Any) -> Verbs:
        options = {"max_staleness": 0, "on_error": "raise", **options}
        return Verbs(hitrate.RateLimiter(limited, limits, algorithm, **options), twins=twins)

    return make


def free_at(refused: hitrate.Decision) -> float:
    assert refused._at_us is not None
    return refused._at_us + refused.retry_after * 1e6


def limit_for(algorithm: str, window: float = 3600.0) -> hitrate.Limit:
    return hitrate.Limit(1 if algorithm == "once" else 3, window, name="test")


@ALGORITHMS
async def test_every_decision_is_that_of_the_model(make_limiter: MakeLimiter, algorithm: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    chance = random.Random(seed)
    count, window = (1, 0.05) if algorithm == "once" else (7, 0.02)
    limiter = make_limiter(hitrate.Limit(count, window), algorithm)
    models = {name: MODELS[algorithm](count, int(window * 1e6)) for name in "abc"}
    deadline = time.monotonic() + 1.0
    decided = allowed = 0
    # On a busy machine little is decided in a second.
    while time.monotonic() < deadline or allowed <= (5 if algorithm == "once" else 50):
        for _ in range(chance.randrange(1, 30)):
            name, cost = chance.choice("abc"), 1 if algorithm == "once" else chance.choice([1, 1, 1, 2, 5, 8])
            decision = await limiter.hit(name, cost)
            model = models[name]
            if isinstance(model, Once) and model.doubtful(decision._at_us):
                model.taken_at = decision._at_us if decision.allowed else model.taken_at
                continue
            answer = model.hit(decision._at_us, cost)
            assert (decision.allowed, decision.remaining) == (answer.allowed, answer.remaining)
            assert decision.reset_after == pytest.approx(
                answer.reset / 1e6, abs=Once.SLACK / 1e6 if algorithm == "once" else 1e-9
            )
            decided, allowed = decided + 1, allowed + answer.allowed
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 1.5 * window)
    assert decided > allowed


@ALGORITHMS
async def test_a_look_counts_nothing_and_a_reset_forgets(make_limiter: MakeLimiter, algorithm: str) -> None:
    limiter = make_limiter(limit_for(algorithm), algorithm)
    for _ in range(10):
        assert (await limiter.peek("a")).allowed
    while (await limiter.hit("a")).allowed:
        pass
    refused = await limiter.peek("a")
    assert (refused.allowed, refused.remaining, refused.violated) == (False, 0, ("test",))
    assert 0 < refused.retry_after <= (7200 if algorithm == "sliding_window" else 3600)
    assert (await limiter.hit("b")).allowed
    assert await limiter.reset("a") is True
    assert await limiter.reset("a") is False
    assert (await limiter.hit("a")).allowed
    assert (await limiter.hit("a", 1)).limit == (1 if algorithm == "once" else 3)


@ALGORITHMS
async def test_a_call_that_costs_more_than_the_limit_is_refused_for_good_and_counts_nothing(
    make_limiter: MakeLimiter, algorithm: str
) -> None:
    limiter = make_limiter(limit_for(algorithm), algorithm)
    most = 1 if algorithm == "once" else 3
    decision = await limiter.hit("a", most + 1)
    assert (decision.allowed, decision.remaining, decision.retry_after) == (False, most, float("inf"))
    assert decision.reset_after == 0
    assert (await limiter.hit("a", most)).allowed


@ALGORITHMS
async def test_a_call_that_one_limit_refuses_is_counted_on_none(make_limiter: MakeLimiter, algorithm: str) -> None:
    narrow = hitrate.Limit("1/hour", name="narrow")
    wide = hitrate.Limit(1 if algorithm == "once" else 5, 3600, name="wide", algorithm=algorithm)  # type: ignore[arg-type]
    limiter = make_limiter([narrow, wide], "fixed_window")
    assert (await limiter.hit({"narrow": "n", "wide": "w1"})).allowed
    for _ in range(5):
        refused = await limiter.hit({"narrow": "n", "wide": "w2"})
        assert (refused.allowed, refused.violated, refused.limit) == (False, ("narrow",), 1)
    (left,) = [standing for standing in refused.limits if standing.name == "wide"]
    assert (left.allowed, left.remaining, left.reset_after) == (True, left.limit, 0)
    alone = make_limiter([wide], "fixed_window")
    assert (await alone.peek("w2")).remaining == left.limit
    assert (await alone.peek("w1")).remaining == left.limit - 1


async def test_the_limit_that_is_closest_to_refusing_speaks(make_limiter: MakeLimiter) -> None:
    limiter = make_limiter("100/hour, 3/minute, 50/second", "gcra")
    first = await limiter.hit("a")
    assert (first.limit, first.remaining, first.violated) == (3, 2, ())
    assert [standing.remaining for standing in first.limits] == [99, 2, 49]
    assert [standing.window for standing in first.limits] == [3600, 60, 1]
    await limiter.hit("a")
    await limiter.hit("a")
    refused = await limiter.hit("a")
    assert (refused.allowed, refused.limit, refused.violated) == (False, 3, ("3/minute",))
    assert 19 < refused.retry_after <= 20


async def test_each_limit_may_be_about_somebody_else_or_about_nobody(make_limiter: MakeLimiter) -> None:
    limiter = make_limiter({"user": "2/hour", "address": "3/hour"})
    assert (await limiter.hit({"user": "u1", "address": "a"})).allowed
    assert (await limiter.hit({"user": "u2", "address": "a"})).allowed
    last = await limiter.hit({"user": None, "address": "a"})
    assert (last.allowed, last.limit, last.remaining, len(last.limits)) == (True, 3, 0, 1)
    assert (await limiter.hit({"user": "u2", "address": "a"})).violated == ("address",)
    assert (await limiter.peek({"user": "u2", "address": None})).remaining == 1
    for key, message in [
        ({"user": "u"}, "no key for limit 'address'"),
        ({"user": "u", "address": "a", "tenant": "t"}, "no limit is named 'tenant'; there are 'user', 'address'"),
        ({"user": None, "address": None}, "at least one limit"),
        ({"user": 7, "address": "a"}, "'user' must be a str"),
        (7, "must be a str, or a dict of them, not int"),
        ("\udc80", "surrogates"),
    ]:
        with pytest.raises(ConfigError, match=message):
            await limiter.hit(key)
        with pytest.raises(ConfigError, match=message):
            await limiter.reset(key)


@pytest.mark.parametrize("limits", ["5/hour", ["5/hour", "6/hour", "7/hour", hitrate.Limit(1, 3600, algorithm="gcra")]])
async def test_any_number_of_limits_is_one_round_trip(
    make_limiter: MakeLimiter, limited: hitrate.Cache, store: str, limits: Any
) -> None:
    if store == "memory":
        pytest.skip("an embedded store has no round trips")
    limiter = make_limiter(limits)
    await limiter.hit("somebody")  # dials, and lets the server know the script
    before = limited.stats()["round_trips"]
    await limiter.hit("a")
    await limiter.peek("a")
    await limiter.reset("a")
    assert limited.stats()["round_trips"] == before + 3


async def test_a_server_that_forgot_the_script_is_told_it_again(
    make_limiter: MakeLimiter, server: Endpoint, store: str
) -> None:
    if store == "memory":
        pytest.skip("an embedded store forgets no script")
    limiter = make_limiter("3/hour")
    await limiter.hit("a")
    server.execute("SCRIPT", "FLUSH")
    assert (await limiter.hit("a")).remaining == 1


@ALGORITHMS
async def test_what_is_kept_is_named_for_its_subject_and_has_an_end(
    make_limiter: MakeLimiter, server: Endpoint, prefix: str, store: str, algorithm: str
) -> None:
    limiter = make_limiter(limit_for(algorithm, 60), algorithm)
    await limiter.hit("user:42")
    await limiter.hit("x" * 100_000)
    await limiter.hit("a{b}c d")
    keys = sorted(key.decode() for key in server.execute("KEYS", f"{prefix}:*"))
    assert len(keys) == 3
    assert all(key.count("{") == key.count("}") == 1 and len(key) < 300 for key in keys)
    assert any(key.startswith(f"{prefix}:hitrate:rate:{{user:42}}:test:") for key in keys)
    assert all(key.endswith(":60000000") for key in keys)
    for key in keys:
        assert 15_000 < server.execute("PTTL", key) <= 130_000
        kind = b"list" if algorithm == "sliding_log" and store != "memory" else b"string"
        assert server.execute("TYPE", key) == kind


async def test_limits_of_one_name_are_counted_apart_by_algorithm_and_window(make_limiter: MakeLimiter) -> None:
    for algorithm in ("fixed_window", "sliding_window", "sliding_log", "gcra"):
        for window in (3600, 3601):
            limiter = make_limiter(limit_for(algorithm, window), algorithm)
            assert (await limiter.hit("a")).remaining == 2
    again = make_limiter(limit_for("gcra"), "gcra")
    assert (await again.hit("a")).remaining == 1


async def test_the_key_that_other_code_shares_is_taken_as_it_is(
    make_limiter: MakeLimiter, server: Endpoint, prefix: str, limited: hitrate.Cache
) -> None:
    limiter = make_limiter("1/minute", "once", verbatim=True)
    assert (await limiter.hit("view_count:203.0.113.7:42")).allowed
    key = f"{prefix}:view_count:203.0.113.7:42"
    assert float(server.execute("GET", key)) > 0
    assert 0 < server.execute("TTL", key) <= 60
    assert not server.execute("SET", key, "old code", "EX", "60", "NX")
    assert server.execute("SET", f"{prefix}:other", "old code", "EX", "60", "NX")
    assert not (await limiter.hit("other")).allowed
    # One that old code left without an end locks nobody out for longer than a window.
    server.execute("SET", f"{prefix}:endless", "old code")
    assert not (await limiter.hit("endless")).allowed
    assert 0 < server.execute("TTL", f"{prefix}:endless") <= 60
    with pytest.raises(ConfigError, match="for one limit"):
        hitrate.RateLimiter(limited, "1/minute, 2/hour", verbatim=True)


async def test_refused_calls_count_where_that_is_asked_for(make_limiter: MakeLimiter) -> None:
    punishing = make_limiter("3/hour", "sliding_log", count_refused=True)
    for _ in range(3):
        assert (await punishing.hit("a")).allowed
    first = free_at(await punishing.peek("a"))
    for _ in range(20):
        refused = await punishing.hit("a")
        assert (refused.allowed, refused.remaining) == (False, 0)
    # The three that count now are the last three.
    assert free_at(await punishing.peek("a")) > first


async def test_statistics_tell_what_became_of_calls(make_limiter: MakeLimiter, limited: hitrate.Cache) -> None:
    limiter = make_limiter({"user": "2/hour", "address": "5/hour"})
    for _ in range(4):
        await limiter.hit({"user": "u", "address": "a"})
    await limiter.peek({"user": "u", "address": "a"})
    stats = await limiter.stats()
    assert stats["limits"] == {
        "user": {"allowed": 2, "refused": 2, "refused_locally": 0, "without_server": 0},
        "address": {"allowed": 2, "refused": 0, "refused_locally": 0, "without_server": 0},
    }
    assert (stats["refusals"], stats["memory"]) == (0, None)
    assert limited.stats()["limits"] == stats["limits"]


async def test_the_largest_burst_is_counted_to_its_end_and_no_cost_is_too_high_to_be_refused(
    make_limiter: MakeLimiter,
) -> None:
    # Ten years until all of it is there again: what stands in its state is a time that far ahead.
    limiter = make_limiter(hitrate.Limit("1/day", burst=3660))
    for cost in (10**9, 3661):
        refused = await limiter.hit("a", cost)
        assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 3660, float("inf"))
    assert (await limiter.hit("a", 3659)).remaining == 1
    last = await limiter.hit("a")
    assert (last.allowed, last.remaining) == (True, 0)
    refused = await limiter.hit("a")
    assert not refused.allowed
    assert 0 < refused.retry_after <= 86_400
    assert 3659 * 86_400 < refused.reset_after <= 3660 * 86_400
    # Cost times interval goes over 64 bits from 583,345 on.
    yearly = make_limiter("1/366 days", "gcra")
    for cost in (2, 583_344, 583_345, 10**9):
        assert not (await yearly.hit("b", cost)).allowed
    assert (await yearly.hit("b")).allowed
