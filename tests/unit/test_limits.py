"""Limits as text and objects, decisions, and what a limiter refuses to be made of."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.limits import limits_of

UNITS = {"s": 1, "sec": 1, "seconds": 1, "m": 60, "minute": 60, "h": 3600, "hours": 3600, "d": 86400, "day": 86400}


@pytest.fixture
def cache() -> hitrate.Cache:
    return hitrate.Cache("memory://limits")


@given(count=st.integers(1, 10**9), many=st.none() | st.integers(1, 300), unit=st.sampled_from(sorted(UNITS)))
def test_a_text_says_how_many_requests_in_how_long_a_time(count: int, many: int | None, unit: str) -> None:
    limit = hitrate.Limit(f"{count}/{'' if many is None else many}{unit}")
    assert (limit.count, limit.period) == (count, UNITS[unit] * (1 if many is None else many))
    # One name for all spellings, and it means the same.
    again = hitrate.Limit(limit.name)
    assert (again.count, again.period, again.name) == (limit.count, limit.period, limit.name)


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_other_text_is_an_error_that_shows_it(text: str) -> None:
    assume("/" not in text or not text.strip()[0].isdigit())
    with pytest.raises(ConfigError, match="write it as '5/s'"):
        hitrate.Limit(text)


def test_a_limit_is_made_of_a_number_and_a_time_as_well() -> None:
    limit = hitrate.Limit(100, timedelta(minutes=1), name="login", burst=20)
    assert (limit.count, limit.period, limit.name, limit.burst, limit.algorithm) == (100, 60.0, "login", 20, None)
    assert hitrate.Limit(3, 0.25).name == "3/0.25s"
    assert repr(hitrate.Limit("20/15 minutes", name="x")) == "<Limit 'x', 20/15minutes>"
    assert hitrate.Limit("1/day", algorithm="once").algorithm == "once"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hitrate.Limit("100/fortnight"), "'fortnight' is no unit of time"),
        (lambda: hitrate.Limit("many/minute"), "'many' is no number of requests"),
        (lambda: hitrate.Limit("100"), "no '/' between"),
        (lambda: hitrate.Limit(100), "made of a text"),
        (lambda: hitrate.Limit("100/minute", 60), "made of a text"),
        (lambda: hitrate.Limit(True, 60), "'limit' must be an int from 1"),
        (lambda: hitrate.Limit(0, 60), "'limit' must be an int from 1"),
        (lambda: hitrate.Limit(1, 0), "'period' must be a positive"),
        (lambda: hitrate.Limit(1, 400 * 86400), "366 days"),
        (lambda: hitrate.Limit("1/s", name="two words"), "a limit's name must be"),
        (lambda: hitrate.Limit("1/s", name='"'), "a limit's name must be"),
        (lambda: hitrate.Limit("1/s", name="x" * 65), "a limit's name must be"),
        (lambda: hitrate.Limit("1/s", burst=0), "'burst' must be an int"),
        (lambda: hitrate.Limit("1/day", burst=10**9), "'burst' of 1/day may be at most 3660 requests, not 1000000000"),
        (lambda: hitrate.Limit("1/s", burst=2, algorithm="fixed_window"), "'burst' belongs to algorithm 'gcra'"),
        (lambda: hitrate.Limit("1/s", algorithm="leaky"), "unknown algorithm 'leaky'"),  # type: ignore[arg-type]
        (lambda: hitrate.Limit("200000/day", algorithm="sliding_log"), "at most 100000"),
    ],
)
def test_a_limit_that_cannot_be_meant_says_which_part_is_wrong(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_limits_are_read_without_a_cache_as_a_limiter_reads_them(cache: hitrate.Cache) -> None:
    for limits, options in (
        ("5/s, 100/minute", {}),
        ({"a": "1/s", "b": hitrate.Limit("2/s", burst=3)}, {"algorithm": "fixed_window"}),
        (hitrate.Limit(3, 0.25), {"algorithm": "sliding_log", "count_refused": True, "on_error": "deny", "workers": 3}),
    ):
        made = hitrate.RateLimiter(cache, limits, **options).limits  # type: ignore[arg-type]
        assert [repr(limit) for limit in limits_of(limits, **options)] == [repr(limit) for limit in made]
    with pytest.warns(RuntimeWarning, match="remembers up to 2000 calls"):
        limits_of("2000/day", algorithm="sliding_log")


@pytest.mark.parametrize(
    ("limits", "options", "message"),
    [
        ([], {}, "at least one limit"),
        ("", {}, "no '/'"),
        ([7], {}, "must be a text such as '100/minute', or a Limit, not int"),
        (["1/s"] * 2, {}, "two limits are named '1/second'"),
        ([f"{n}/s" for n in range(1, 34)], {}, "may have 32 limits, not 33"),
        ({"user": "1/s, 5/m"}, {}, "'user' stands for several"),
        ({7: "1/s"}, {}, "names of limits must be str"),
        ("2/s", {"algorithm": "once"}, "'once' allows one request"),
        ("2/s", {"algorithm": "token"}, "unknown algorithm 'token'"),
        ("2/s", {"on_error": "ignore"}, "unknown on_error 'ignore'"),
        ("2/s", {"workers": 0}, "'workers' must be at least 1"),
        ("2/s", {"max_bytes": 10}, "'max_bytes' must be at least 65536"),
        ("2/s", {"max_staleness": "1"}, "'max_staleness' must be a number of seconds"),
        ("20000/day", {"algorithm": "sliding_log", "max_bytes": 300_000}, "'max_bytes' must be at least 320000, not"),
        ("2/s", {"count_refused": True}, "needs algorithm='sliding_log'"),
    ],
)
def test_a_limiter_that_cannot_be_meant_says_why(
    cache: hitrate.Cache, limits: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        hitrate.RateLimiter(cache, limits, **options)
    with pytest.raises(ConfigError, match=message):
        limits_of(limits, **options)


def test_a_limiter_knows_its_limits(cache: hitrate.Cache) -> None:
    limits = {"user": "5/s", "address": hitrate.Limit("100/m", burst=10), "day": hitrate.Limit(9, 86400)}
    limiter = hitrate.RateLimiter(cache, limits, "fixed_window")
    assert [(limit.name, limit.count, limit.period, limit.algorithm, limit.burst) for limit in limiter.limits] == [
        ("user", 5, 1.0, "fixed_window", None),
        ("address", 100, 60.0, "gcra", 10),
        ("day", 9, 86400.0, "fixed_window", None),
    ]
    assert [limit.name for limit in hitrate.RateLimiter(cache, "5/s, 100/m").limits] == ["5/second", "100/minute"]


def test_a_large_log_is_warned_about(cache: hitrate.Cache) -> None:
    hitrate.RateLimiter(cache, "1000/day", "sliding_log")
    with pytest.warns(RuntimeWarning, match="'1001/day' remembers up to 1001 calls of everybody"):
        hitrate.RateLimiter(cache, "1001/day", "sliding_log")


@pytest.mark.parametrize("cost", [0, -1, 1.0, True, "1", 10**9 + 1])
def test_a_cost_is_a_whole_number_of_requests(cache: hitrate.Cache, cost: Any) -> None:
    limiter = hitrate.RateLimiter(cache, "5/s")
    for verb in (limiter.hit, limiter.peek):
        with pytest.raises(ConfigError, match="'cost' must be an int from 1"):
            verb("a", cost)


def test_a_decision_is_true_when_the_call_is_allowed() -> None:
    allowed = hitrate.Decision(allowed=True, limit=5, remaining=4, reset_after=1.0)
    refused = hitrate.Decision(
        allowed=False, limit=5, remaining=0, reset_after=1.0, retry_after=math.inf, violated=["5/second"]
    )
    assert allowed
    assert not refused
    assert allowed.retry_after == 0
    assert (refused.violated, refused.limits) == (("5/second",), ())
    assert allowed == hitrate.Decision(allowed=True, limit=5, remaining=4, reset_after=1.0)
    assert allowed != refused
    assert refused != "refused"
    assert repr(refused) == (
        "Decision(allowed=False, limit=5, remaining=0, reset_after=1, retry_after=inf, violated=('5/second',))"
    )


def test_a_look_and_a_hit_of_the_embedded_store_agree(cache: hitrate.Cache) -> None:
    limiter = hitrate.RateLimiter(cache, hitrate.Limit("3/hour", name="agree"), "gcra")
    before = limiter.peek("a", 2)
    assert (before.allowed, before.remaining, before.reset_after) == (True, 3, 0)
    after = limiter.hit("a", 2)
    assert (after.allowed, after.remaining, after.limits[0].remaining) == (True, 1, 1)
    assert not limiter.peek("a", 2)
    assert limiter.peek("a")


def test_making_a_limiter_starts_nothing_and_imports_no_asyncio() -> None:
    program = """
import sys, threading
import hitrate
limiter = hitrate.RateLimiter(hitrate.Cache("redis://127.0.0.1:1"), "5/s")
assert threading.active_count() == 1 and "asyncio" not in sys.modules
"""
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", program], check=True)
