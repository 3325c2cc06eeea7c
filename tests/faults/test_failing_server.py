"""A server that is stopped or gone: what every verb does meanwhile, and what happens when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerError, ServerTimeoutError, ServerUnavailableError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen, until_healed
from tests.integration.conftest import Verbs

DEADLINE = 0.5
# What a busy machine may add to the deadlines. The number of deadlines is the promise, not the time.
SLACK = 0.6
ABSENT = object()
AsVerbs = Callable[[hitrate.Cache], Verbs]

DOES_WITHOUT: list[tuple[str, tuple[Any, ...], Any]] = [
    ("get", ("k", ABSENT), ABSENT),
    ("get_many", (["k", "l"],), {}),
    ("has", ("k",), False),
    ("ttl", ("k",), 0),
    ("set", ("k", 2), False),
    ("set_many", ({"k": 2, "l": 3},), ["k", "l"]),
    ("get_or_set", ("k", lambda: "computed"), "computed"),
    ("delete", ("k",), False),
    ("delete_many", (["k", "l"],), None),
    ("delete_pattern", ("k*",), None),
    ("clear", (), None),
]
MUST_KNOW: list[tuple[str, tuple[Any, ...]]] = [
    ("add", ("k", 1)),
    ("incr", ("k",)),
    ("decr", ("k",)),
    ("touch", ("k", 10)),
    ("expire", ("k", 10)),
    ("persist", ("k",)),
    ("keys", ("*",)),
    ("server_info", ()),
    ("execute", ("GET", "k")),
]


def elapsed_since(begun: float) -> float:
    return time.monotonic() - begun


@pytest.mark.parametrize("warm", [True, False], ids=["with-idle-connections", "before-any-connection"])
async def test_a_stopped_server_costs_a_process_two_deadlines_and_no_exception(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, warm: bool
) -> None:
    cache = missing_cache(timeout=DEADLINE)
    verbs = as_verbs(cache)
    if warm:
        assert await verbs.set("k", 1)
    with frozen(own_server):
        begun = time.monotonic()
        assert [await verbs.get("k", ABSENT) for _ in range(100)] == [ABSENT] * 100
        assert elapsed_since(begun) < 2 * DEADLINE + SLACK
        stats = cache.stats()
    assert stats["misses"] == 100
    assert stats["breaker"]["state"] == "open"
    assert stats["breaker"]["opened"] == 1
    assert stats["timeouts"] in {1, 2}
    assert stats["errors"]["unavailable"] + stats["timeouts"] == 100


async def test_a_killed_server_costs_no_deadline_and_no_exception(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    assert await verbs.set("k", 1)
    own_server.kill()
    begun = time.monotonic()
    assert [await verbs.get("k", ABSENT) for _ in range(100)] == [ABSENT] * 100
    assert elapsed_since(begun) < 30
    assert cache.stats()["timeouts"] == 0


@pytest.mark.parametrize("opened", [False, True], ids=["first-call", "breaker-open"])
@pytest.mark.parametrize(("verb", "args", "expected"), DOES_WITHOUT, ids=[row[0] for row in DOES_WITHOUT])
async def test_a_verb_that_can_do_without_the_server_does(
    own_server: Server,
    missing_cache: MakeCache,
    as_verbs: AsVerbs,
    opened: bool,
    verb: str,
    args: tuple[Any, ...],
    expected: Any,
) -> None:
    verbs = as_verbs(missing_cache(timeout=0.1))
    await verbs.set_many({"k": 1, "l": 1})
    with frozen(own_server):
        if opened:
            await open_breaker(verbs)
        found = await getattr(verbs, verb)(*args)
        assert (sorted(found) if isinstance(found, list) else found) == expected


@pytest.mark.parametrize("opened", [False, True], ids=["first-call", "breaker-open"])
@pytest.mark.parametrize(("verb", "args"), MUST_KNOW, ids=[row[0] for row in MUST_KNOW])
async def test_a_verb_whose_answer_decides_something_raises(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, opened: bool, verb: str, args: tuple[Any, ...]
) -> None:
    verbs = as_verbs(missing_cache(timeout=0.1))
    await verbs.set("k", 1)
    with frozen(own_server):
        if opened:
            await open_breaker(verbs)
        with pytest.raises((ServerUnavailableError, ServerTimeoutError)):
            await getattr(verbs, verb)(*args)


async def test_a_lock_is_not_taken_while_the_server_is_away(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(missing_cache(timeout=0.1))
    with frozen(own_server):
        for _ in range(3):
            with pytest.raises((ServerUnavailableError, ServerTimeoutError)):
                await verbs.lock("job", blocking_timeout=1).acquire()


async def test_dropped_sets_are_counted_one_by_one(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=0.1)
    verbs = as_verbs(cache)
    with frozen(own_server):
        for number in range(5):
            assert await verbs.set(f"k{number}", number) is False
        assert cache.stats()["dropped_sets"] == 5
        assert len(await verbs.set_many({f"k{number}": number for number in range(10)})) == 10
        assert cache.stats()["dropped_sets"] == 15
        assert cache.stats()["sets"] == 0


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("get", ("session:1",)),
        ("set", ("session:1", 1)),
        ("delete", ("session:1",)),
        ("has", ("session:1",)),
        ("get_many", (["a", "session:1"],)),
        ("set_many", ({"a": 1, "session:1": 1},)),
        ("delete_many", (["a", "session:1"],)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("on_error", ["miss", "ignore"])
async def test_critical_keys_raise_whatever_the_verb_and_policy(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str, args: tuple[Any, ...], on_error: str
) -> None:
    verbs = as_verbs(missing_cache(timeout=0.1, critical=["session:", "throttle:"], on_error=on_error))
    with frozen(own_server):
        for _ in range(2):  # by its own deadline, then by the open breaker
            with pytest.raises((ServerUnavailableError, ServerTimeoutError)):
                await getattr(verbs, verb)(*args)
        assert await verbs.get("a session:1", ABSENT) is ABSENT


@pytest.mark.parametrize("verb", ["get", "set", "delete", "delete_pattern", "clear", "has", "add", "incr"])
async def test_on_error_raise_raises_and_on_error_ignore_does_not(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str
) -> None:
    args = {"set": ("k", 1), "add": ("k", 1), "clear": ()}.get(verb, ("k",))
    raising = as_verbs(missing_cache(timeout=0.1, on_error="raise"))
    ignoring = as_verbs(missing_cache(timeout=0.1, on_error="ignore"))
    with frozen(own_server):
        for _ in range(2):
            with pytest.raises(ServerError):
                await getattr(raising, verb)(*args)
            assert not await getattr(ignoring, verb)(*args)


@pytest.mark.parametrize("restarted", [False, True], ids=["goes-on", "restarted-empty"])
async def test_hits_and_counters_are_back_with_the_server(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, restarted: bool
) -> None:
    cache = missing_cache(timeout=0.2)
    verbs = as_verbs(cache)
    for round_ in range(3):
        if restarted:
            own_server.kill()
            assert await verbs.get("k", ABSENT) is ABSENT
            own_server.start()
        else:
            with frozen(own_server):
                await open_breaker(verbs)
        until_healed(cache)
        await verbs.set("k", round_)
        assert await verbs.get("k") == round_
        # The scripts of a server that was restarted are unknown to it.
        assert await verbs.incr("k") == round_ + 1
        lock = verbs.lock("job", ttl=10)
        assert await lock.acquire(blocking=False)
        await lock.extend(20)
        await lock.release()
    assert cache.stats()["breaker"]["opened"] == 3


async def open_breaker(verbs: Verbs) -> None:
    """Call until nothing is sent any more; the PING of async calls is somebody else's work and takes a moment."""
    for _ in range(100):
        await verbs.get("k")
        if (await verbs.stats())["breaker"]["state"] == "open":
            return
    pytest.fail("the breaker did not open")
