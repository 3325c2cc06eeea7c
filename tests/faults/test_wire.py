"""What may happen to bytes on their way: lost, late, cut, mangled. Reads miss, nothing crosses, nothing hangs."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ProtocolError, ServerConnectionError, ServerError, ServerTimeoutError
from tests.faults.conftest import PATIENCE, MakeCache, until, until_healed
from tests.faults.proxy import Fault, Link, Proxy, close, corrupt, delay, healthy, reset, swallow, trickle, truncate
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]
NAMES = [f"k{number}" for number in range(20)]
FAULTS: dict[str, Callable[[], Fault]] = {
    "swallowed": lambda: swallow,
    "reset": lambda: reset,
    "closed": lambda: close,
    "cut-after-1-byte": lambda: truncate(1),
    "cut-in-a-value": lambda: truncate(7),
    "trickling": lambda: trickle(0.3),
    "no-protocol": lambda: corrupt(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "zeros": lambda: corrupt(lambda data: bytes(len(data))),
    "too-many-replies": lambda: corrupt(lambda data: data * 2),
    "a-length-that-lies": lambda: corrupt(lambda data: b"$999999999\r\n" + data),
    "a-length-beyond-all": lambda: corrupt(lambda data: b"$99999999999999999999999\r\n"),
    "a-negative-length": lambda: corrupt(lambda data: b"$-7\r\n"),
    "a-billion-items": lambda: corrupt(lambda data: b"*1000000000\r\n"),
    "deep-nesting": lambda: corrupt(lambda data: b"*1\r\n" * 100_000),
    "another-type": lambda: corrupt(lambda data: b"*2\r\n:1\r\n:2\r\n"),
    "a-number": lambda: corrupt(lambda data: b":12\r\n"),
    "a-map": lambda: corrupt(lambda data: b"%1\r\n$1\r\na\r\n$1\r\nb\r\n"),
    "a-push-and-nothing-else": lambda: corrupt(lambda data: b">2\r\n+invalidate\r\n*0\r\n"),
}


@pytest.mark.parametrize("opened_before", [True, False], ids=["reply", "greeting"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_read_over_a_broken_wire_misses_and_the_next_one_is_right(
    proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, fault: str, opened_before: bool
) -> None:
    cache = missing_cache(proxy.url, timeout=0.2, bulk_timeout=0.4)
    verbs = as_verbs(cache)
    await verbs.set_many({name: [name] for name in NAMES}, 1000)
    if not opened_before:
        proxy.cut()
    proxy.fault = FAULTS[fault]()
    for name in NAMES[:3]:
        assert await verbs.get(name) is None
        assert await verbs.get_many([name, "absent"]) == {}
        assert await verbs.has(name) in {False, True}  # a number is what EXISTS answers
        assert await verbs.get_or_set(name, [name]) == [name]
    proxy.fault = healthy
    until_healed(cache)
    await until_idle(verbs)
    for name in NAMES:
        assert await read(verbs, name) == [name]
    until(lambda: cache.stats()["pool"]["in_use"] == 0, "nothing is on its way")
    until(lambda: proxy.open_connections <= 2, "broken connections are closed")


async def read(verbs: Verbs, name: str) -> Any:
    """What is there: a machine that is busy with other work may miss the deadline of one call, or of some."""
    ends = time.monotonic() + PATIENCE
    while (found := await verbs.get(name)) is None and time.monotonic() < ends:
        pass
    return found


async def until_idle(verbs: Verbs) -> None:
    """Let connections that other calls broke be noticed."""
    for _ in range(200):
        if await verbs.get(NAMES[0]) == [NAMES[0]]:
            return
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("swallowed", ServerTimeoutError),
        ("closed", ServerConnectionError),
        ("reset", ServerConnectionError),
        ("trickling", ServerTimeoutError),
        ("no-protocol", ProtocolError),
        ("too-many-replies", ProtocolError),
        ("a-negative-length", ProtocolError),
        ("another-type", ProtocolError),
        ("deep-nesting", ProtocolError),
    ],
)
async def test_what_happened_is_named_and_the_connection_is_closed(
    proxy: Proxy, make_cache: MakeCache, as_verbs: AsVerbs, fault: str, kind: type[ServerError]
) -> None:
    cache = make_cache(proxy.url, timeout=0.3)
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    proxy.fault = FAULTS[fault]()
    with pytest.raises(kind):
        await verbs.get("k")
    # Of the connection that was hurt nothing is left; the PING of the breaker may have opened another.
    until(lambda: proxy.open_connections <= 1, "it is closed")
    until(lambda: cache.stats()["pool"]["in_use"] == 0, "its slot is free")


@pytest.mark.parametrize("threads", [1, 8])
def test_late_replies_never_answer_another_command(
    proxy: Proxy, missing_cache: MakeCache, seconds: float, threads: int
) -> None:
    cache = missing_cache(proxy.url, timeout=0.1, max_connections=4)
    assert cache.set_many({name: name for name in NAMES}, 1000) == []
    chance, answers = random.Random(3), {"hit": 0, "miss": 0}
    wrong: list[tuple[str, Any]] = []

    async def jitter(link: Link, data: bytes) -> None:
        await asyncio.sleep(chance.choice([0, 0, 0, 0, 0.08, 0.1, 0.12, 0.3]))
        await link.deliver(data)

    proxy.fault = jitter
    give_up = time.monotonic() + seconds

    def read(shift: int) -> None:
        while time.monotonic() < give_up:
            for name in NAMES[shift:] + NAMES[:shift]:
                value = cache.get(name)
                if value not in {name, None}:
                    wrong.append((name, value))
                answers["hit" if value else "miss"] += 1

    readers = [threading.Thread(target=read, args=(shift,)) for shift in range(threads)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert min(answers.values()) > 0, answers
    proxy.fault = healthy
    until_healed(cache)
    until(lambda: cache.get_many(NAMES) == {name: name for name in NAMES}, "hits are back")
    assert cache.stats()["pool"]["in_use"] == 0


def test_replies_released_long_after_their_deadline_find_nobody(proxy: Proxy, missing_cache: MakeCache) -> None:
    cache = missing_cache(proxy.url, timeout=0.3)
    assert cache.set_many({name: name for name in NAMES}, 1000) == []
    for _ in range(3):
        proxy.fault = delay(0.5)
        assert [cache.get(name) for name in NAMES] == [None] * len(NAMES)
        proxy.fault = healthy
        until_healed(cache)
        give_up = time.monotonic() + 0.7  # while the late ones arrive
        while time.monotonic() < give_up:
            for name in NAMES:
                assert cache.get(name) in {name, None}
        assert cache.get(NAMES[0]) == NAMES[0]


@pytest.mark.parametrize("name", ["counter", "script-counter"])
async def test_a_count_whose_reply_was_lost_is_not_repeated(
    proxy: Proxy, make_cache: MakeCache, as_verbs: AsVerbs, name: str
) -> None:
    cache = make_cache(proxy.url, timeout=0.3)
    verbs = as_verbs(cache)
    await verbs.set(name, 0)
    await verbs.incr(name)
    counts = [1]
    for fault in (reset, close, truncate(1)):
        proxy.fault = fault
        with pytest.raises(ServerError):
            await verbs.incr(name)
        proxy.fault = healthy
        until_healed(cache)
        counts.append(await verbs.get(name))
    # A call that had to connect first met the fault before it could count.
    steps = {after - before for before, after in pairwise(counts)}
    assert steps <= {0, 1}, "never counted twice"
    assert 1 in steps, "counted, although nobody heard of it"


async def test_an_idle_connection_that_the_server_closed_costs_a_retry_and_no_miss(
    proxy: Proxy, make_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(make_cache(proxy.url, timeout=5))
    await verbs.set("k", "v")
    for _ in range(20):
        proxy.cut()
        assert await verbs.get("k") == "v"
        assert await verbs.set("k", "v") is True


async def test_values_that_look_like_protocol_come_back_as_they_are(
    proxy: Proxy, make_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(make_cache(proxy.url, timeout=60))
    values = ["\r\n", "$5\r\nhello\r\n", "-ERR no\r\n", "*3\r\n", ">2\r\n", "+OK\r\n" * 1000, "", "\x00" * 70_000]
    for index, value in enumerate(values):
        await verbs.set(f"v{index}", value)
    proxy.fault = trickle(0)
    found = await verbs.get_many([f"v{index}" for index in range(7)])
    assert list(found.values()) == values[:7]
