"""`get_cached`, `set_cached` and what else the endpoints call, on a server and in memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
import redis.asyncio

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import (
    CacheManager,
    get_cached,
    invalidate_cache,
    invalidate_tenant_cache,
    make_cache_key,
    set_cached,
)
from hitrate.lease import tasks
from hitrate.testing import Endpoint, free_port
from tests.faults.conftest import PATIENCE, eventually
from tests.with_asgi.dashboard.conftest import MakeManager, given_back, hang_up, put, raw

KEY = make_cache_key("dashboard_kpis", "tenant-001", days=30)


async def test_what_is_stored_is_read_by_old_workers_and_back(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, {"name": "Café", "n": [1, 2.5, None]}, ttl=300)
    assert await raw(manager, KEY) == b'{"name": "Caf\\u00e9", "n": [1, 2.5, null]}'
    assert await manager.cache.attl(KEY) == 300
    assert await get_cached(KEY) == {"name": "Café", "n": [1, 2.5, None]}


@pytest.mark.parametrize("value", [0, False, "", [], {}, 1.5, "text", [None], {"data": 1, "cached_at": "x"}])
async def test_every_value_is_a_hit_with_itself(manager: CacheManager, value: object) -> None:
    assert await set_cached(KEY, value, ttl=300)
    assert await get_cached(KEY) == value
    assert await manager.set(key=KEY, value=value)
    assert await manager.get(key=KEY) == value


async def test_either_reader_reads_both_forms(manager: CacheManager) -> None:
    await put(manager, "a:t:1", {"rows": [1]})
    await put(manager, "a:t:2", {"data": {"rows": [2]}, "cached_at": dashboard.events.utc_now().isoformat()})
    for read in (get_cached, lambda key: manager.get(key=key)):
        assert [await read(f"a:t:{number}") for number in (1, 2)] == [{"rows": [1]}, {"rows": [2]}]
    await put(manager, "a:t:3", [1, 2])
    assert await manager.get("a", "t", "3") == [1, 2]


@pytest.mark.parametrize("stored", [b"", b"nonsense", b"\x80\x05garbage", b"null", b"{", b"\xe2\x82"])
async def test_what_cannot_be_read_is_a_miss_and_is_written_over(manager: CacheManager, stored: bytes) -> None:
    await put(manager, KEY, stored)
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, 1, ttl=300)
    assert await get_cached(KEY) == 1


@pytest.mark.parametrize("value", [{1, 2}, Decimal("1.5"), date(2026, 1, 2), b"x"])
async def test_what_json_cannot_hold_is_not_stored_bare(manager: CacheManager, value: object) -> None:
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, {"v": value}, ttl=300) is False
    assert await raw(manager, KEY) is None
    assert await manager.get(key=KEY) is None
    assert await manager.set(key=KEY, value={"v": value})
    assert await get_cached(KEY) == {"v": str(value)}


@pytest.mark.parametrize("ttl", [0, -1])
async def test_no_lifetime_is_not_stored(manager: CacheManager, ttl: int) -> None:
    assert await set_cached(KEY, 1, ttl=ttl) is False
    assert await manager.set(key=KEY, value=1, ttl=ttl) is False
    assert await raw(manager, KEY) is None


async def test_one_value_is_forgotten(manager: CacheManager) -> None:
    await set_cached(KEY, 1, ttl=300)
    assert await invalidate_cache(KEY) is True
    assert await get_cached(KEY) is None
    assert await invalidate_cache("dashboard_stats:nobody") is True


async def test_a_tenant_is_cleared_with_the_keys_that_end_with_it(manager: CacheManager) -> None:
    mine = ["dashboard_stats:t", "dashboard_kpis:t:days:30", "products:t:limit:20:page:1", "forecast:t:p:30", "x:t"]
    others = ["dashboard_stats:t2", "dashboard_stats:2t", "dashboard_kpis:u:days:t", "x:u:t", "x:u:t:y", "startup:ping"]
    for key in mine + others:
        await put(manager, key, 1)
    assert await invalidate_tenant_cache("t") == len(mine)
    assert sorted(await manager.cache.akeys()) == sorted(others)
    assert await invalidate_tenant_cache("*") == await invalidate_tenant_cache("?") == 0


async def test_a_prefix_clears_its_types(manager: CacheManager) -> None:
    for key in ["dashboard_stats:t", "dashboard_kpis:t:days:30", "dashboard:t", "products:t", "dashboards:t"]:
        await put(manager, key, 1)
    assert await invalidate_tenant_cache("t", prefix="dashboard") == 3
    assert sorted(await manager.cache.akeys()) == ["dashboards:t", "products:t"]


async def test_what_was_forgotten_meanwhile_is_not_stored(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    # Another task's: this one would know what it does.
    await asyncio.create_task(invalidate_tenant_cache("tenant-001"))
    assert await set_cached(KEY, "old", ttl=300) is False
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, "new", ttl=300)


async def test_a_value_that_must_become_text_is_no_way_around_that(manager: CacheManager) -> None:
    assert await manager.get(key=KEY) is None
    await asyncio.create_task(invalidate_tenant_cache("tenant-001"))
    assert await manager.set(key=KEY, value=Decimal("1.5")) is False
    assert await manager.get(key=KEY) is None
    assert await manager.set(key=KEY, value=Decimal("2.5"))
    assert await manager.get(key=KEY) == "2.5"


async def test_a_deletion_by_an_old_worker_counts_too(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    await manager.cache.aexecute("DEL", manager.cache.make_key(KEY))
    assert await set_cached(KEY, "old", ttl=300) is False


async def test_what_an_old_worker_stored_meanwhile_stays(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    await put(manager, KEY, [1, "theirs"])
    assert await set_cached(KEY, "ours", ttl=300) is False
    assert await get_cached(KEY) == [1, "theirs"]


async def test_an_old_worker_takes_a_lease_for_a_miss_and_both_read_each_other(
    make_manager: MakeManager, server: Endpoint, prefix: str
) -> None:
    manager = make_manager(server.url)
    dashboard.set_cache_manager(manager)
    old = redis.asyncio.from_url(server.url, encoding="utf-8", decode_responses=True)
    name = f"{prefix}:{KEY}"

    async def read_as_old_workers_do() -> object:
        try:
            text = await old.get(name)
            return None if text is None else json.loads(text)
        except Exception:  # noqa: BLE001 (so they do)
            return None

    async with contextlib.aclosing(old):
        assert await get_cached(KEY) is None
        assert await old.exists(name) == 1
        assert await read_as_old_workers_do() is None
        assert await set_cached(KEY, {"of": "ours"}, ttl=300)
        assert await read_as_old_workers_do() == {"of": "ours"}
        await old.set(name, json.dumps({"of": "theirs"}), ex=300)
        assert await get_cached(KEY) == {"of": "theirs"}


async def test_a_lease_is_given_back_when_its_task_ends_without_a_value(manager: CacheManager) -> None:
    assert await asyncio.create_task(get_cached(KEY)) is None

    async def next_request() -> bool:
        await given_back(manager)
        return await get_cached(KEY) is None and await set_cached(KEY, 1, ttl=300)

    assert await asyncio.create_task(next_request())


@pytest.mark.parametrize("turns", range(1, 9))
async def test_who_hangs_up_leaves_no_lease_that_keeps_others_from_storing(manager: CacheManager, turns: int) -> None:
    async def endpoint() -> None:
        await get_cached(KEY)
        await asyncio.sleep(60)

    async def next_request() -> bool:
        return await get_cached(KEY) is None and await set_cached(KEY, 1, ttl=300)

    await hang_up(endpoint(), turns)
    await eventually(lambda: asyncio.create_task(next_request()), "the next one may store")


@pytest.mark.parametrize("turns", range(1, 9))
async def test_who_hangs_up_takes_back_nothing_that_is_to_be_forgotten(manager: CacheManager, turns: int) -> None:
    keys = [f"products:tenant-001:page:{page}" for page in range(3)]
    for key in keys:
        await put(manager, key, 1)
    await hang_up(invalidate_tenant_cache("tenant-001"), turns)

    async def are_forgotten() -> bool:
        return not any([await raw(manager, key) for key in keys])

    await eventually(are_forgotten, "the tenant's entries are gone")


@pytest.mark.parametrize("verb", ["one", "tenant", "glob"])
@pytest.mark.parametrize("turns", range(1, 5))
async def test_what_is_to_be_forgotten_needs_no_later_call_when_its_caller_hangs_up(
    make_manager: MakeManager, server: Endpoint, verb: str, turns: int
) -> None:
    manager = make_manager(server.url)
    dashboard.set_cache_manager(manager)
    await put(manager, KEY, 1)
    calls = {
        "one": lambda: invalidate_cache(KEY),
        "tenant": lambda: invalidate_tenant_cache("tenant-001"),
        "glob": lambda: manager.invalidate_pattern("dashboard_*"),
    }
    await hang_up(calls[verb](), turns)
    name = manager.cache.make_key(KEY)

    async def is_forgotten() -> bool:
        return not server.execute("EXISTS", name)

    await eventually(is_forgotten, "others find nothing")


async def test_a_task_that_has_forgotten_something_stores_what_it_computes_then(manager: CacheManager) -> None:
    assert await get_cached(KEY) is None
    await invalidate_tenant_cache("tenant-001")
    assert await set_cached(KEY, "new", ttl=300)


async def test_a_task_that_asks_for_very_much_stores_nothing_that_was_forgotten(
    manager: CacheManager,
) -> None:
    keys = [make_cache_key("products", "tenant-001", page=page) for page in range(300)]
    for key in keys:
        assert await get_cached(key) is None
    await asyncio.create_task(invalidate_tenant_cache("tenant-001"))
    assert not any([await set_cached(key, "old", ttl=300) for key in keys])
    # What it asks for anew is another matter.
    assert await get_cached(keys[0]) is None
    assert await set_cached(keys[0], "new", ttl=300)


async def test_a_task_that_never_stores_gives_back_what_it_can_no_longer_store(manager: CacheManager) -> None:
    keys = [f"products:tenant-001:{number}" for number in range(600)]
    for key in keys:
        assert await get_cached(key) is None

    async def next_request() -> bool:
        return await get_cached(keys[0]) is None and await set_cached(keys[0], 1, ttl=300)

    async def are_few() -> bool:
        return len(manager._store._fills._standing) <= 256

    await eventually(are_few, "what was asked for first is given back")
    assert await asyncio.create_task(next_request())


async def test_leases_that_ran_out_are_not_remembered(make_manager: MakeManager, url: str) -> None:
    manager = make_manager(url, lease=0.01)
    dashboard.set_cache_manager(manager)

    async def ask_and_leave_the_old_ones() -> bool:
        await get_cached(f"products:tenant-001:{next(numbers)}")
        return next(iter(manager._store._fills._standing)) != "products:tenant-001:0"

    numbers = itertools.count()
    await eventually(ask_and_leave_the_old_ones, "the first lease is forgotten")


def test_what_a_closed_loop_left_is_let_go() -> None:
    async def begin() -> None:
        tasks.in_background(asyncio.Event().wait())

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(begin())
    loop.close()
    asyncio.run(begin())
    assert loop not in tasks._under_way


# Whoever closes a loop so is told by asyncio that transports were open.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_that_was_closed_without_a_word_holds_up_no_later_one(server: Endpoint, prefix: str, url: str) -> None:
    manager = CacheManager(url, prefix=prefix)
    dashboard.set_cache_manager(manager)

    async def miss_and_go() -> None:
        task = asyncio.create_task(get_cached(KEY))
        await asyncio.wait([task])

    loop = asyncio.new_event_loop()
    loop.run_until_complete(miss_and_go())
    # The lease is on its way back, and stays there.
    loop.close()
    try:
        assert asyncio.run(asyncio.wait_for(invalidate_cache(KEY), PATIENCE))
        assert asyncio.run(asyncio.wait_for(invalidate_tenant_cache("tenant-001"), PATIENCE)) == 0
    finally:
        dashboard.set_cache_manager(None)
        del loop
        gc.collect()


async def test_a_loop_in_a_thread_does_not_wait_for_leases_of_another(manager: CacheManager) -> None:
    def forget() -> bool:
        return asyncio.run(asyncio.wait_for(invalidate_cache(KEY), PATIENCE))

    task = asyncio.create_task(get_cached(KEY))
    await asyncio.wait([task])
    with ThreadPoolExecutor(1) as threads:
        # This loop stands still meanwhile, so the lease is not given back.
        assert threads.submit(forget).result()


async def test_of_many_who_compute_one_stores(manager: CacheManager) -> None:
    begin = asyncio.Barrier(8) if hasattr(asyncio, "Barrier") else None

    async def endpoint(number: int) -> bool:
        if await get_cached(KEY) is not None:
            return False
        if begin is not None:
            await begin.wait()
        return await set_cached(KEY, number, ttl=300)

    if begin is None:
        pytest.skip("Python has no barrier for tasks before 3.11")
    stored = await asyncio.gather(*map(endpoint, range(8)))
    assert sum(stored) == 1
    assert await get_cached(KEY) == stored.index(True)


async def test_a_value_that_is_too_old_is_computed_anew_under_a_lease(manager: CacheManager) -> None:
    await put(manager, "pricing:t:p", {"data": "old", "cached_at": "2020-01-01T00:00:00"})
    assert await manager.get("pricing", "t", "p", check_freshness=False) == "old"
    assert await manager.get("pricing", "t", "p") is None
    await asyncio.create_task(manager.clear_tenant_cache("t"))
    assert await manager.set("pricing", "t", "p", "older than what was forgotten") is False


@pytest.mark.parametrize("name", ["HITRATE_ENABLED", "CACHE_ENABLED"])
@pytest.mark.parametrize("said", ["0", "False", "f", "no", "N", " OFF "])
async def test_the_switch_stops_reads_and_fills_and_not_forgetting(
    manager: CacheManager, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    await put(manager, KEY, 1)
    monkeypatch.setenv(name, said)
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, 2, ttl=300) is False
    assert await manager.get(key=KEY) is None
    assert await raw(manager, KEY) == b"1"
    assert await invalidate_tenant_cache("tenant-001") == 1
    monkeypatch.setenv(name, "True")
    await put(manager, KEY, 3)
    assert await get_cached(KEY) == 3


async def test_without_a_manager_nothing_is_found_and_nothing_raises(caplog: pytest.LogCaptureFixture) -> None:
    dashboard.set_cache_manager(None)
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, 1, ttl=300) is False
    assert await invalidate_cache(KEY) is False
    assert await invalidate_tenant_cache("t") == 0
    assert f"Cache manager not available for key: {KEY}" in caplog.messages


async def test_after_disconnect_nothing_is_found_until_connect(
    manager: CacheManager, caplog: pytest.LogCaptureFixture
) -> None:
    await set_cached(KEY, 1, ttl=300)
    await manager.disconnect()
    assert manager._redis is None
    assert await get_cached(KEY) is None
    assert f"Redis not connected for key: {KEY}" in caplog.messages
    await manager.connect()
    assert manager._redis is manager.cache
    assert await get_cached(KEY) == 1


async def test_the_log_says_what_the_original_said(manager: CacheManager, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hitrate.layouts.fastapi_dashboard")
    await get_cached(KEY)
    await set_cached(KEY, 1, ttl=300)
    await get_cached(KEY)
    await invalidate_cache(KEY)
    await invalidate_tenant_cache("tenant-001", prefix="dashboard")
    assert caplog.messages == [
        f"❌ Cache MISS: {KEY}",
        f"💾 Cache SET: {KEY} (TTL: 300s)",
        f"✅ Cache HIT: {KEY}",
        f"🗑️  Cache INVALIDATED: {KEY}",
        "🗑️  Cache INVALIDATED: 0 keys for tenant tenant-001 (pattern: dashboard:tenant-001)",
    ]


async def test_no_tenant_writes_a_line_of_his_own_into_the_log(
    manager: CacheManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hitrate.layouts.fastapi_dashboard")
    await invalidate_tenant_cache("t\nERROR root forged")
    assert not any("\n" in message for message in caplog.messages)


async def test_a_server_that_is_away_is_a_miss_and_stores_nothing(make_manager: MakeManager) -> None:
    away = make_manager(f"redis://127.0.0.1:{free_port()}")
    dashboard.set_cache_manager(away)
    await away.connect()
    assert away._redis is not None
    assert await get_cached(KEY) is None
    assert await set_cached(KEY, 1, ttl=300) is False
    assert await invalidate_cache(KEY) is True
    assert await invalidate_tenant_cache("t") == 0
    assert await away.health_check() is False
    assert (await away.get_metrics())["misses"] == 1
