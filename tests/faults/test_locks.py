"""Locks that were taken for somebody who never learned of it: nobody else may be locked out by them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

import pytest

import hitrate
from hitrate.exceptions import ServerError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, frozen, until_healed
from tests.faults.proxy import Proxy, close, healthy, swallow
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]


class Enough(BaseException):
    """A time limit of the caller's."""


def can_be_taken(cache: hitrate.Cache, key: str) -> bool:
    """Whether somebody else can take a lock that never expires."""
    return cache.lock(key, ttl=None).acquire(blocking_timeout=20)


@pytest.mark.parametrize("fault", [swallow, close])
async def test_a_lock_whose_answer_was_lost_locks_nobody_out(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, fault: Callable[..., None]
) -> None:
    cache = missing_cache(proxy.url, timeout=0.3)
    await as_verbs(cache).get("k")
    proxy.fault = fault
    with pytest.raises(ServerError):
        await as_verbs(cache).lock("job", ttl=None).acquire()
    proxy.fault = healthy
    # The event loop goes on meanwhile: it is what gives the lock back.
    assert await missing_cache().lock("job", ttl=None).aacquire(blocking_timeout=20)
    until_healed(cache)


@pytest.mark.parametrize("turns", range(6))
async def test_a_lock_whose_taking_is_cancelled_locks_nobody_out(
    own_server: Server, make_cache: MakeCache, turns: int
) -> None:
    cache, other = make_cache(own_server.url), make_cache(own_server.url)
    for number in range(20):
        if number:
            await cache.aget("k")  # it is connected from the second time on

        async def work(key: str) -> None:
            async with cache.lock(key, ttl=None):
                pass

        key = f"job{number}"
        working = asyncio.create_task(work(key))
        for _ in range(turns):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait([working])
        assert await other.lock(key, ttl=None).aacquire(blocking_timeout=20)


def test_a_loop_that_ends_with_the_cancellation_gives_the_lock_back(own_server: Server, make_cache: MakeCache) -> None:
    cache = make_cache(own_server.url)

    async def main() -> None:
        await cache.aget("k")
        working = asyncio.create_task(cache.lock("job", ttl=None).aacquire())
        await asyncio.sleep(0)
        working.cancel()

    asyncio.run(main())
    assert can_be_taken(cache, "job")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX signals")
@pytest.mark.parametrize("is_first", [True, False], ids=["cold", "warm"])
def test_a_lock_whose_taking_meets_a_time_limit_locks_nobody_out(
    own_server: Server, missing_cache: MakeCache, is_first: bool
) -> None:
    assert threading.current_thread() is threading.main_thread()

    def raise_it(_number: int, _frame: FrameType | None) -> None:
        raise Enough

    cache = missing_cache(timeout=20)
    if not is_first:
        cache.get("k")
    lock = cache.lock("job", ttl=None)
    before = signal.signal(signal.SIGALRM, raise_it)
    try:
        with frozen(own_server):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Enough):
                lock.acquire()
    finally:
        signal.signal(signal.SIGALRM, before)
    until_healed(cache)
    assert can_be_taken(missing_cache(), "job")
    assert lock.acquire(blocking=False) is False


def test_a_late_release_of_what_was_given_up_leaves_alone_what_the_same_object_took_after_it(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache
) -> None:
    cache = missing_cache(proxy.url, timeout=0.3)
    lock = cache.lock("job", ttl=None)
    proxy.fault = swallow
    with pytest.raises(ServerError):
        lock.acquire()
    token = own_server.execute("GET", cache.make_key("job"))
    proxy.fault = healthy
    until_healed(cache)
    assert lock.acquire(blocking_timeout=0)
    assert lock.owned()
    assert own_server.execute("GET", cache.make_key("job")) != token
    lock.release()
