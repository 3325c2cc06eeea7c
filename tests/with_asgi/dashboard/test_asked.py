"""Asking in one task and storing in another: nothing older than a change is served, however tasks are put together."""

from __future__ import annotations

import asyncio
import random

import pytest

from hitrate.layouts.fastapi_dashboard import (
    CacheManager,
    asked,
    get_cached,
    get_or_set_cached,
    invalidate_cache,
    invalidate_tenant_cache,
    set_cached,
)
from tests.with_asgi.dashboard.conftest import given_back, put

KEYS = ["dashboard_kpis:t:days:30", "dashboard_stats:t"]
KEY = KEYS[0]


async def somebody_changes_something() -> None:
    await asyncio.create_task(invalidate_tenant_cache("t"))


async def served() -> list[object]:
    async def look() -> list[object]:
        return [await get_cached(key) for key in KEYS]

    return await asyncio.create_task(look())


async def test_what_children_asked_for_is_not_stored_by_their_parent(manager: CacheManager) -> None:
    async def page() -> list[bool]:
        assert await asyncio.gather(*map(get_cached, KEYS)) == [None, None]
        await somebody_changes_something()
        return [await set_cached(key, "old") for key in KEYS]

    assert await asyncio.create_task(page()) == [False, False]
    assert await served() == [None, None]


async def test_a_value_that_was_read_beside_the_question_is_not_stored(manager: CacheManager) -> None:
    async def fetch() -> str:
        return "old"

    async def page() -> bool:
        # The value may have been read before the lease was given.
        found, read = await asyncio.gather(get_cached(KEY), fetch())
        assert found is None
        return await set_cached(KEY, read)

    assert await asyncio.create_task(page()) is False


async def test_a_task_that_asks_a_second_time_may_store_and_gives_back(manager: CacheManager) -> None:
    async def page(stores: bool) -> bool:
        # As after a part of the task that was given up.
        for _ in range(2):
            assert await get_cached(KEY) is None
        return stores and await set_cached(KEY, "new")

    assert await asyncio.create_task(page(stores=False)) is False
    await given_back(manager)
    assert await asyncio.create_task(page(stores=True)) is True
    assert await served() == ["new", None]


async def test_children_store_under_the_leases_of_their_parent(manager: CacheManager) -> None:
    async def page(is_changed: bool) -> list[bool]:
        assert [await get_cached(key) for key in KEYS] == [None, None]
        if is_changed:
            await somebody_changes_something()
        first, second = KEYS
        stored = await asyncio.gather(set_cached(first, 1), asyncio.create_task(set_cached(second, 2)))
        return list(stored)

    assert await asyncio.create_task(page(is_changed=True)) == [False, False]
    await given_back(manager)
    assert await served() == [None, None]
    await given_back(manager)
    assert await asyncio.create_task(page(is_changed=False)) == [True, True]
    assert await served() == [1, 2]


async def test_a_child_does_not_store_under_a_lease_that_is_younger_than_itself(manager: CacheManager) -> None:
    go = asyncio.Event()

    async def store_late(value: str) -> bool:
        await go.wait()
        return await set_cached(KEY, value)

    async def page() -> bool:
        assert await get_cached(KEY) is None
        storing = asyncio.create_task(store_late("old"))
        await asyncio.sleep(0)
        await somebody_changes_something()
        assert await get_cached(KEY) is None
        go.set()
        return await storing

    assert await asyncio.create_task(page()) is False
    assert (await served())[0] is None


async def test_a_child_that_outlives_its_parent_stores_nothing_that_was_asked_for_in_between(
    manager: CacheManager,
) -> None:
    # Who forgets may write through, and tasks that he began; but not what they asked for since.
    await invalidate_cache(KEY)
    go = asyncio.Event()

    async def store_late() -> bool:
        await go.wait()
        return await set_cached(KEY, "old")

    async def request() -> asyncio.Task[bool]:
        assert await get_cached(KEY) is None
        return asyncio.create_task(store_late())

    storing = await asyncio.create_task(request())
    await given_back(manager)
    await somebody_changes_something()
    go.set()
    assert await storing is False
    assert (await served())[0] is None


async def test_tasks_of_one_parent_do_not_use_each_other_s_leases(manager: CacheManager) -> None:
    has_changed = asyncio.Event()

    async def slow() -> bool:
        assert await asyncio.create_task(get_cached(KEY)) is None
        await has_changed.wait()
        return await set_cached(KEY, "old")

    async def quick() -> bool:
        await somebody_changes_something()
        assert await get_cached(KEY) is None
        has_changed.set()
        await asyncio.sleep(0)
        return await set_cached(KEY, "new")

    # The parent has asked for something: so do requests of a server that was started by a task that has.
    await get_cached("dashboard_alerts:t")
    stored = await asyncio.gather(slow(), quick())
    assert stored[0] is False
    assert (await served())[0] in {None, "new"}


async def test_who_has_stored_something_may_store_something_else(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, 1)
    assert await set_cached(KEY, 2)
    assert await asyncio.gather(set_cached(KEY, 3)) == [True]
    assert (await served())[0] == 3


async def test_who_was_refused_must_ask_again(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    await somebody_changes_something()
    assert await set_cached(KEY, "old") is False
    assert await set_cached(KEY, "old") is False
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, "new")


async def test_what_is_not_stored_for_its_unknown_age_leaves_nothing_older_there(manager: CacheManager) -> None:
    assert await asyncio.create_task(get_cached(KEY)) is None
    await put(manager, KEY, "of before the change")
    # By somebody who has changed something, and writes through.
    assert await set_cached(KEY, "new") is False
    assert await get_cached(KEY) is None


async def test_who_has_forgotten_something_writes_through_and_so_do_his_children(manager: CacheManager) -> None:
    assert await asyncio.create_task(get_cached(KEY)) is None
    await invalidate_cache(KEY)
    assert await set_cached(KEY, 1)
    assert await asyncio.create_task(get_cached(KEYS[1])) is None
    await invalidate_tenant_cache("t")
    assert await asyncio.gather(*(set_cached(key, 2) for key in KEYS)) == [True, True]
    assert await served() == [2, 2]


async def test_who_has_forgotten_and_asked_since_stores_under_the_lease(manager: CacheManager) -> None:
    await invalidate_cache(KEY)
    assert await get_cached(KEY) is None
    await somebody_changes_something()
    assert await set_cached(KEY, "old") is False
    assert await set_cached(KEY, "old") is False


async def test_what_nobody_asked_for_is_stored(manager: CacheManager) -> None:
    assert await asyncio.gather(*(set_cached(key, 1) for key in KEYS)) == [True, True]
    assert await set_cached(KEY, 2)
    assert await served() == [2, 1]


async def test_one_call_asks_and_stores_wherever_it_stands(manager: CacheManager) -> None:
    calls: list[str] = []

    def computing(key: str) -> str:
        calls.append(key)
        return f"of {key}"

    async def widget(key: str) -> str:
        async def compute() -> str:
            return computing(key)

        return await asyncio.wait_for(get_or_set_cached(key, compute, 300), 60)

    for _ in range(2):
        assert await asyncio.gather(*map(widget, KEYS)) == [f"of {key}" for key in KEYS]
    assert sorted(calls) == KEYS
    assert await manager.cache.attl(KEY) == 300


async def test_one_call_stores_nothing_that_was_forgotten_while_it_computed(manager: CacheManager) -> None:
    async def compute() -> str:
        await somebody_changes_something()
        return "old"

    assert await asyncio.gather(get_or_set_cached(KEY, compute)) == ["old"]
    assert (await served())[0] is None


async def test_more_keys_than_are_remembered_are_taken_for_asked_for(
    manager: CacheManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "_MAX_REMEMBERED", 2)
    for number in range(8):
        await asyncio.create_task(get_cached(f"products:t:{number}"))
    assert await set_cached(KEY, "of unknown age") is False


class Source:
    """What is cached: a number that only grows, and requests of all forms for it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = self.least = 0

    async def pause(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    async def read(self) -> int:
        value = self.now
        await self.pause()
        return value

    async def change(self) -> None:
        self.now += 1
        changed = self.now
        await invalidate_tenant_cache("t")
        self.least = max(self.least, changed)

    async def plain(self, key: str) -> None:
        if await get_cached(key) is None:
            await set_cached(key, await self.read())

    async def asks_in_children(self, key: str) -> None:
        if (await asyncio.gather(get_cached(key), get_cached("dashboard_alerts:t")))[0] is None:
            await set_cached(key, await self.read())

    async def reads_beside(self, key: str) -> None:
        found, value = await asyncio.gather(get_cached(key), self.read())
        if found is None:
            await set_cached(key, value)

    async def stores_in_children(self, key: str) -> None:
        if await get_cached(key) is None:
            await asyncio.gather(set_cached(key, await self.read()))

    async def waits(self, key: str) -> None:
        if await asyncio.wait_for(get_cached(key), 60) is None:
            await asyncio.wait_for(set_cached(key, await self.read()), 60)

    async def stores_in_a_child_that_began_before(self, key: str) -> None:
        has_asked = asyncio.Event()

        async def store() -> None:
            value = await self.read()
            await has_asked.wait()
            await set_cached(key, value)

        storing = asyncio.create_task(store())
        await self.pause()
        found = await get_cached(key)
        has_asked.set()
        await storing
        assert found is None or found <= self.now

    async def stores_in_grandchildren(self, key: str) -> None:
        async def compute() -> None:
            await self.pause()
            await asyncio.gather(set_cached(key, await self.read()))

        if await get_cached(key) is None:
            await asyncio.gather(compute(), get_cached("dashboard_alerts:t"))

    async def asks_again(self, key: str) -> None:
        async def compute() -> None:
            if await get_cached(key) is None:
                await set_cached(key, await self.read())

        if await get_cached(key) is None:
            await asyncio.gather(compute(), self.pause())
            await set_cached(key, await self.read())

    async def at_once(self, key: str) -> None:
        await get_or_set_cached(key, self.read)

    async def request(self) -> None:
        forms = [
            self.plain,
            self.asks_in_children,
            self.reads_beside,
            self.stores_in_children,
            self.waits,
            self.stores_in_a_child_that_began_before,
            self.stores_in_grandchildren,
            self.asks_again,
            self.at_once,
        ]
        for _ in range(40):
            await self.pause()
            if self.chance.random() < 0.2:
                await asyncio.create_task(self.change())
                continue
            least, key = self.least, self.chance.choice(KEYS)
            found = await asyncio.create_task(get_cached(key))
            assert found is None or found >= least, f"{found} after {least}"
            await asyncio.create_task(self.chance.choice(forms)(key))


@pytest.mark.parametrize("seed", [random.Random().randrange(1 << 32) for _ in range(3)], ids=["one", "two", "three"])
async def test_nothing_old_is_served_however_tasks_ask_and_store(manager: CacheManager, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    source = Source(random.Random(seed))
    await asyncio.gather(*(source.request() for _ in range(8)))
