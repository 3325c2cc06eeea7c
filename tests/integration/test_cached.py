"""`hitrate.cached`: what a function returns is kept by its arguments, computed once, and dropped when it is old."""

from __future__ import annotations

import asyncio
import enum
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

import hitrate
from tests.integration.conftest import MakeCache

ON_EVERY_STORE = True


class Color(enum.Enum):
    RED = 1


class Right(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclass
class Shop:
    name: str


@pytest.fixture
def cache(make_cache: MakeCache) -> hitrate.Cache:
    return make_cache(serializer="pickle")


def counted(cache: hitrate.Cache, **options: Any) -> tuple[Callable[..., Any], list[Any]]:
    """A function that is kept, and the arguments it was really called with."""
    calls: list[Any] = []

    @hitrate.cached(cache, **{"prefix": "function", **options})
    def function(x: Any, y: Any = 2, *rest: Any, **more: Any) -> Any:
        calls.append((x, y, rest, more))
        return len(calls), x

    return function, calls


def test_calls_that_mean_the_same_are_computed_once(cache: hitrate.Cache) -> None:
    function, calls = counted(cache)
    assert function(1) == function(x=1) == function(1, 2) == function(1, y=2) == (1, 1)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [1, True, 1.0, "1", b"1", Decimal(1), None, "None", 1 + 0j],
        [[1, 2], (1, 2), {1, 2}, frozenset({1, 2}), "[1, 2]", [[1], 2], [1, [2]]],
        [{"a": 1}, {"a": "1"}, {"b": 1}, {"a": {"b": 1}}, {"a:1": 1}, {"a": 1, "b": 2}],
        ["a:h1", "a", "a:*", "*", "a%3Ah1", "", " ", "\n", "é", "x" * 5000, "x" * 5001],
        [date(2026, 1, 2), "2026-01-02", Color.RED, "Color.RED", 1],
        ["a&y=3", "a&y=2", "a"],
        # What has no member of its own has no name, or none before Python 3.11.
        [Right.READ, Right.READ | Right.WRITE, Right(0), Right(8), Right(16), Right(8) | Right.READ],
    ],
)
def test_arguments_that_differ_are_told_apart(arguments: list[Any], cache: hitrate.Cache) -> None:
    function, calls = counted(cache)
    for _ in range(2):
        assert [function(argument)[1] for argument in arguments] == arguments
    assert len(calls) == len(arguments)


def doubled(value: int) -> int:
    return 2 * value


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return function(*args)

    return call


class Prices:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def price(self, value: int) -> int:
        return self.factor * value


def times(factor: int) -> Callable[[int], int]:
    def multiplied(value: int) -> int:
        return factor * value

    return multiplied


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda value: 3 * value, "a lambda has no name"),
        (times(3), "depends on 'factor'"),
        (logged(times(3)), "depends on 'factor'"),
        (Prices(3).price, "a method that is bound to its object"),
    ],
)
def test_a_function_that_others_share_the_name_of_needs_a_prefix(
    cache: hitrate.Cache, function: Callable[[int], int], said: str
) -> None:
    with pytest.raises(hitrate.ConfigError, match=f"{said}.*give prefix="):
        hitrate.cached(cache)(function)
    assert hitrate.cached(cache, prefix="three")(function)(5) == 15


def test_a_function_below_other_decorators_has_a_name_of_its_own(cache: hitrate.Cache) -> None:
    assert hitrate.cached(cache)(logged(doubled))(5) == 10
    assert hitrate.cached(cache)(len)("five") == 4


def test_the_order_of_a_dictionary_or_a_set_does_not_count(cache: hitrate.Cache) -> None:
    function, calls = counted(cache)
    function({"a": 1, "b": 2}, flag=True, name="n")
    function({"b": 2, "a": 1}, name="n", flag=True)
    assert len(calls) == 1


def test_an_argument_without_a_text_of_its_own_needs_a_key(cache: hitrate.Cache) -> None:
    function, _ = counted(cache)
    with pytest.raises(hitrate.ConfigError, match=r"'x' of .*function\(\) holds a Shop.*key="):
        function(Shop("a"))
    named, calls = counted(cache, key=lambda shop: f"{shop.name}:1")
    assert named(Shop("a"))[1] == named(Shop("a"))[1] == Shop("a")
    assert named(Shop("b"))[1] == Shop("b")
    assert len(calls) == 2


def test_none_is_kept_and_exceptions_are_not(cache: hitrate.Cache) -> None:
    answers: list[Any] = [OSError("no database"), None, 5]

    @hitrate.cached(cache, prefix="one")
    def function() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(OSError, match="no database"):
        function()
    assert (function(), function(), answers) == (None, None, [5])


def test_values_that_are_to_be_skipped_are_not_kept(cache: hitrate.Cache) -> None:
    function, calls = counted(cache, skip=lambda value: value[1] is None)
    assert [function(None)[0], function(None)[0], function(1)[0], function(1)[0]] == [1, 2, 3, 3]
    assert len(calls) == 3


def test_without_a_lifetime_nothing_is_kept(cache: hitrate.Cache) -> None:
    function, calls = counted(cache, ttl=0)
    assert [function(1), function(1)] == [(1, 1), (2, 1)]
    assert (len(calls), cache.keys()) == (2, [])
    # Jitter leaves less than the millisecond in which servers count.
    for ttl in (0.0001, 0.001):
        assert counted(cache, ttl=ttl, prefix=str(ttl))[0](1) == (1, 1)


def test_one_thread_computes_and_the_others_wait(cache: hitrate.Cache) -> None:
    calls = []

    @hitrate.cached(cache, prefix="one")
    def slow() -> int:
        calls.append(1)
        time.sleep(0.2)
        return len(calls)

    barrier = threading.Barrier(16)

    def ask() -> int:
        barrier.wait()
        return slow()

    with ThreadPoolExecutor(16) as pool:
        assert {future.result() for future in [pool.submit(ask) for _ in range(16)]} == {1}
    assert len(calls) == 1


def test_a_thread_that_hangs_is_given_up_for_dead(cache: hitrate.Cache) -> None:
    hangs, go = threading.Event(), threading.Event()

    @hitrate.cached(cache, prefix="one", lease=0.05, wait=3600)
    def slow() -> str:
        if hangs.is_set():
            return "made"
        hangs.set()
        go.wait()
        return "late"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow)
        assert hangs.wait(60)
        time.sleep(0.1)
        # Else it would wait for an hour.
        assert slow() == "made"
        go.set()
        assert first.result() == "late"
    assert slow() == "made"


async def test_one_task_computes_and_the_others_wait(cache: hitrate.Cache) -> None:
    calls = []

    @hitrate.cached(cache, prefix="one", tags=["slow"])
    async def slow(number: int) -> int:
        calls.append(number)
        await asyncio.sleep(0.1)
        return number

    assert await asyncio.gather(*[slow(number % 2) for number in range(20)]) == [0, 1] * 10
    assert sorted(calls) == [0, 1]
    await cache.ainvalidate(tags=["slow"])
    assert await slow(0) == 0
    assert sorted(calls) == [0, 0, 1]
    await slow.aforget(1)  # type: ignore[attr-defined]
    await slow(1)
    assert sorted(calls) == [0, 0, 1, 1]


async def test_a_task_that_is_cancelled_lets_another_compute(cache: hitrate.Cache) -> None:
    begun, calls = asyncio.Event(), []

    @hitrate.cached(cache, prefix="one")
    async def slow() -> int:
        calls.append(1)
        begun.set()
        await asyncio.sleep(30 if len(calls) == 1 else 0)
        return len(calls)

    first = asyncio.create_task(slow())
    await begun.wait()
    second = asyncio.create_task(slow())
    await asyncio.sleep(0.05)
    first.cancel()
    assert await asyncio.wait_for(second, 10) == 2
    with pytest.raises(asyncio.CancelledError):
        await first


def test_tags_and_forget_forget(cache: hitrate.Cache) -> None:
    function, calls = counted(cache, tags=lambda x: ["all", f"one:{x}"])
    for number in (1, 2):
        function(number)
    cache.invalidate(tags=["one:1"])
    function(2)
    assert len(calls) == 2
    function(1)
    assert len(calls) == 3
    function.forget(1)  # type: ignore[attr-defined]
    function(1)
    assert len(calls) == 4
    cache.invalidate(tags=["all"])
    assert (function(1)[0], function(2)[0]) == (5, 6)


def test_a_key_that_was_given_forgets(cache: hitrate.Cache) -> None:
    function, calls = counted(cache, prefix="shop", key=lambda x: f"price:{x}")
    for number in (9, 91):
        function(number)
    assert cache.invalidate(keys=["shop:price:9"]) == 1
    assert (function(9)[0], function(91)[0]) == (3, 2)
    assert cache.invalidate(pattern="shop:price:9[0-9]") == 1
    assert (function(9)[0], function(91)[0]) == (3, 4)
    assert len(calls) == 4


def test_what_is_forgotten_meanwhile_is_not_stored(cache: hitrate.Cache) -> None:
    forgets: list[Callable[[], Any]] = [lambda: cache.invalidate(tags=["t"]), cache.clear, lambda: None]

    @hitrate.cached(cache, prefix="one", tags=["t"])
    def function() -> int:
        if forgets:
            forgets.pop(0)()
        return len(forgets)

    assert [function() for _ in range(5)] == [2, 1, 0, 0, 0]


def test_an_old_value_stands_in_for_a_failure(cache: hitrate.Cache) -> None:
    answers: list[Any] = [1, OSError(), 2]

    @hitrate.cached(cache, prefix="one", ttl=0.2, stale_on_error=30, jitter=0)
    def function() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert function() == 1
    time.sleep(0.25)
    assert function() == 1
    assert answers == [2]
    assert function() == 2


def test_a_cache_may_be_found_at_the_first_call(make_cache: MakeCache) -> None:
    function, calls = counted(lambda: make_cache(serializer="pickle"))  # type: ignore[arg-type]
    assert function(1) == function(1)
    assert len(calls) == 1


def test_a_value_that_cannot_be_read_is_computed_anew(make_cache: MakeCache) -> None:
    writing, reading = make_cache(serializer="pickle"), make_cache(serializer="json")
    calls = []

    def function() -> list[int]:
        calls.append(1)
        return [len(calls)]

    written, read = (hitrate.cached(cache, prefix="same")(function) for cache in (writing, reading))
    assert written() == written() == [1]
    assert read() == read() == [2]
    # JSON is read by all.
    assert written() == [2]
