"""Distributed locks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError, LockError, LockNotOwnedError, LockTimeoutError, ServerError
from hitrate.testing import Endpoint, Server
from tests.faults.proxy import healthy, proxy_to, swallow
from tests.integration.conftest import MakeCache, MakeVerbs, Verbs

ON_EVERY_STORE = True


async def test_one_holds_it_and_the_other_waits_in_vain(verbs: Verbs) -> None:
    first, second = verbs.lock("job", ttl=60), verbs.lock("job", ttl=60)
    assert await first.acquire() is True
    assert await first.owned() is True
    assert await second.owned() is False
    assert await second.acquire(blocking_timeout=0) is False
    assert await second.acquire(blocking_timeout=0.05) is False
    await first.release()
    assert await first.owned() is False
    assert await second.acquire(blocking_timeout=0) is True
    await second.release()


async def test_only_the_owner_releases_and_extends(verbs: Verbs) -> None:
    first, second = verbs.lock("job", ttl=60), verbs.lock("job", ttl=60)
    await first.acquire()
    with pytest.raises(LockNotOwnedError, match="'job'"):
        await second.release()
    with pytest.raises(LockNotOwnedError, match="'job'"):
        await second.extend(100)
    assert await first.owned() is True


async def test_a_lock_that_expired_and_was_taken_is_not_released_by_its_old_owner(
    verbs: Verbs, server: Endpoint, prefix: str
) -> None:
    first, second = verbs.lock("job", ttl=60), verbs.lock("job", ttl=60)
    await first.acquire()
    # What the server does when the lifetime is over, without waiting for it.
    for key in server.execute("KEYS", f"{prefix}*"):
        server.execute("DEL", key)
    assert await first.owned() is False
    assert await second.acquire(blocking_timeout=0) is True
    with pytest.raises(LockNotOwnedError):
        await first.release()
    with pytest.raises(LockNotOwnedError):
        await first.extend(60)
    assert await second.owned() is True


async def test_it_lives_as_long_as_told(verbs: Verbs, server: Endpoint, prefix: str) -> None:
    lock = verbs.lock("job", ttl=1000)
    await lock.acquire()
    (key,) = server.execute("KEYS", f"{prefix}*")
    assert 900 < server.execute("TTL", key) <= 1000
    await lock.extend(5000)
    assert 4900 < server.execute("TTL", key) <= 5000
    await lock.release()
    assert server.execute("EXISTS", key) == 0


def test_as_a_context_manager_it_is_released_whatever_happens(cache: hitrate.Cache) -> None:
    with cache.lock("job", ttl=60) as lock:
        assert lock.owned()
        with pytest.raises(LockTimeoutError, match="'job'"), cache.lock("job", ttl=60, blocking_timeout=0.05):
            pass
    with pytest.raises(LookupError), cache.lock("job", ttl=60):
        raise LookupError
    with cache.lock("job", ttl=60, blocking_timeout=0):
        pass


async def test_as_an_async_context_manager_it_is_released_whatever_happens(cache: hitrate.Cache) -> None:
    async with cache.lock("job", ttl=60) as lock:
        assert await lock.aowned()
        with pytest.raises(LockTimeoutError, match="'job'"):
            async with cache.lock("job", ttl=60, blocking_timeout=0.05):
                pass
    with pytest.raises(LookupError):
        async with cache.lock("job", ttl=60):
            raise LookupError
    async with cache.lock("job", ttl=60, blocking_timeout=0):
        pass


async def test_what_goes_wrong_under_a_lock_is_not_hidden_by_a_release_that_fails(
    cache: hitrate.Cache, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        cache.delete("job")
        raise LookupError

    with pytest.raises(LookupError), cache.lock("job", ttl=60):
        fail()
    with pytest.raises(LookupError):
        async with cache.lock("job", ttl=60):
            fail()
    told = "lock 'job' was not released: lock 'job' cannot be released: it expired and may belong to somebody else"
    assert [record.getMessage() for record in caplog.records] == [told] * 2
    # Where nothing else went wrong it is an error.
    with pytest.raises(LockNotOwnedError), cache.lock("job", ttl=60):
        cache.delete("job")


def test_a_waiting_thread_gets_it_when_it_is_released(cache: hitrate.Cache) -> None:
    got = threading.Event()

    def wait() -> None:
        with cache.lock("job", ttl=60, blocking_timeout=30):
            got.set()

    with cache.lock("job", ttl=60):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not got.wait(0.1)
    assert got.wait(30)
    thread.join()


def test_threads_exclude_each_other(cache: hitrate.Cache) -> None:
    cache.set("count", 0)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                with cache.lock("job", ttl=60, blocking_timeout=60):
                    cache.set("count", cache.get("count") + 1)
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert cache.get("count") == 40


def test_threads_with_one_object_never_hold_it_together(cache: hitrate.Cache) -> None:
    for number in range(20):
        lock, begin = cache.lock(f"job{number}", ttl=60), threading.Barrier(4)
        taken: list[bool] = []

        def work(lock: hitrate.Lock = lock, begin: threading.Barrier = begin, taken: list[bool] = taken) -> None:
            begin.wait(30)
            with suppress(LockError):  # where this object holds it already
                taken.append(lock.acquire(blocking=False))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken.count(True) == 1, number


async def test_tasks_with_one_object_never_hold_it_together(cache: hitrate.Cache) -> None:
    lock = cache.lock("job", ttl=60, sleep=0.01)
    inside, most = 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with lock:
            inside += 1
            most = max(most, inside)
            await cache.aget("k")
            inside -= 1

    for _ in range(10):
        await asyncio.gather(work(), work(), work(), work())
    assert most == 1
    assert await lock.alocked() is False


async def test_a_task_that_gives_up_takes_nothing_from_another_with_its_object(cache: hitrate.Cache) -> None:
    for turns in range(8):
        lock = cache.lock("job", ttl=60, sleep=1e-6)
        tasks = [asyncio.ensure_future(lock.aacquire()) for _ in range(2)]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [task.result() for task in done if task.exception() is None] == [True]  # the other one may be told so
        assert await lock.aowned(), turns
        await lock.arelease()


async def test_a_lock_held_is_not_taken_twice_and_an_open_one_not_released(verbs: Verbs) -> None:
    lock = verbs.lock("job", ttl=60)
    with pytest.raises(LockError):
        await lock.release()
    await lock.acquire()
    await lock.release()
    with pytest.raises(LockError):
        await lock.release()


async def test_a_lock_whose_answer_was_lost_is_taken_and_released_by_the_next_try(
    own_server: Server, make_verbs: MakeVerbs
) -> None:
    with proxy_to(own_server.url) as proxy:
        lock = make_verbs(proxy.url, timeout=0.2).lock("job", ttl=None)
        proxy.fault = swallow
        with pytest.raises(ServerError):
            await lock.acquire()
        proxy.fault = healthy
        assert await retry(lambda: lock.acquire(blocking_timeout=0)) is True
        assert await lock.owned() is True
        proxy.fault = swallow
        with pytest.raises(ServerError):
            await lock.release()
        proxy.fault = healthy
        with suppress(LockNotOwnedError):  # where the first release reached the server
            await retry(lock.release)
        assert await lock.locked() is False


async def retry(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call until the server is no longer believed to be dead."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        with suppress(ServerError):
            return await call()
        await asyncio.sleep(0.02)
    return await call()


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": "9"},
        {"ttl": 9, "blocking_timeout": "soon"},
        {"ttl": 9, "blocking_timeout": float("nan")},
        {"ttl": 9, "sleep": 0},
        {"ttl": 9, "sleep": float("nan")},
        {"ttl": 9, "sleep": float("inf")},
        {"ttl": 9, "sleep": timedelta(days=-1)},
    ],
    ids=repr,
)
def test_what_is_no_lifetime_or_timeout_is_refused(make_cache: MakeCache, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=list(options)[-1]):
        make_cache().lock("job", **options).acquire()


def test_nobody_says_that_a_lock_is_free_when_nobody_knows(make_cache: MakeCache) -> None:
    lock = make_cache("redis://localhost:1").lock("job")
    for ask in (lock.locked, lock.acquire):
        with pytest.raises(ServerError):
            ask()
