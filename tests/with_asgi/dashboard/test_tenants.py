"""Fifty tenants with hostile names read, write and clear at random: nobody gets what is another's, clears are exact."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import CacheManager
from tests.with_asgi.dashboard.conftest import given_back, raw

HOSTILE = [
    *(
        "*",
        "?",
        "**",
        "[a-z]",
        "[^a]",
        "[",
        "]",
        "\\",
        "\\*",
        "a*",
        "*a",
        "t?",
        "{t}",
        "%",
        "%s",
        "%3A",
        "%253A",
        "%25",
        "%:",
    ),
    *("a", "a:", ":a", ":", "::", "a:b", "a%3Ab", "a:days:7", "a:limit:10", "days", "7", "limit", "h1", "a:h1", "*:h1"),
    *(
        " ",
        "",
        "\n",
        "a\nb",
        "\0",
        "\r\nDEL x",
        "é",
        "日本",
        "😀",
        "e\u0301",
        "A",
        "aa",
        "None",
        "tenant-001",
        "tenant-0011",
    ),
    "54d459ab-4ae8-480a-9d1c-d53b218a4fb2",
]
VALUES = [7, 30, "7", "a", "a:days:7", "*", "1:b:2", "h1", "", None, "x:limit:10", "%3A", "é\n"]
STEPS = int(os.environ.get("HITRATE_STEPS") or 1500)
TYPES = ["dashboard_kpis", "dashboard_stats", "products", "forecast_demand"]

LEASE = b"null "

Key = tuple[str, str, tuple[tuple[str, Any], ...]]


class Model:
    """What must be where: by type, tenant and parameters, which are never made into one text."""

    def __init__(self) -> None:
        self.kept: dict[Key, Any] = {}

    def clear(self, is_meant: Callable[[Key], bool]) -> int:
        gone = [key for key in self.kept if is_meant(key)]
        for key in gone:
            del self.kept[key]
        return len(gone)


def choose(chance: random.Random) -> Key:
    names = chance.sample(["a", "days", "limit", "b"], chance.randint(0, 2))
    params = tuple((name, str(chance.choice(VALUES))) for name in sorted(names))
    return chance.choice(TYPES), chance.choice(HOSTILE), params


def spelled(key: Key) -> str:
    kind, tenant, params = key
    return dashboard.make_cache_key(kind, tenant, **dict(params))


async def step(chance: random.Random, model: Model, manager: CacheManager, number: int) -> None:
    key, action = choose(chance), chance.random()
    kind, tenant, _ = key
    if action < 0.45:
        value = {"of": [kind, tenant, list(map(list, key[2]))], "number": number}
        write = manager.set if chance.random() < 0.3 else None
        # Another task may have asked for it: who overwrites what others compute forgets it first.
        await manager.delete(key=spelled(key))
        stored = await (
            write(key=spelled(key), value=value) if write else dashboard.set_cached(spelled(key), value, 300)
        )
        assert stored, key
        model.kept[key] = value
    elif action < 0.9:
        if model.kept and chance.random() < 0.7:
            key = chance.choice(list(model.kept))
        read = dashboard.get_cached(spelled(key)) if chance.random() < 0.7 else manager.get(key=spelled(key))
        assert await read == model.kept.get(key), key
    elif action < 0.94:
        assert await dashboard.invalidate_cache(spelled(key))
        model.kept.pop(key, None)
    elif action < 0.96:
        prefix = chance.choice(["dashboard", "dashboard_kpis", "products", "forecast"])
        count = await dashboard.invalidate_tenant_cache(tenant, prefix=prefix)
        assert count == model.clear(lambda key: key[1] == tenant and key[0].startswith(prefix)), (tenant, prefix)
    elif action < 0.98:
        assert await manager.invalidate_pattern(kind, tenant) == model.clear(lambda key: key[:2] == (kind, tenant)), key
    else:
        count = await dashboard.invalidate_tenant_cache(tenant)
        assert count == model.clear(lambda key: key[1] == tenant), tenant


def test_there_are_fifty_tenants() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 50


@pytest.mark.parametrize("seed", [random.Random().randrange(1 << 32) for _ in range(2)], ids=["one", "another"])
async def test_no_tenant_gets_what_is_another_s_and_clears_are_exact(manager: CacheManager, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    chance, model = random.Random(seed), Model()
    for number in range(STEPS):
        # Each in a task of its own, as requests are.
        await asyncio.create_task(step(chance, model, manager, number))
    assert len(await manager.cache.akeys()) >= len(model.kept)
    for tenant in HOSTILE:
        await dashboard.invalidate_tenant_cache(tenant)
    assert await manager.cache.akeys() == []


async def test_fifty_tenants_at_once_get_their_own_and_nothing_else_stands_there(manager: CacheManager) -> None:
    seed = random.Random().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    chance = random.Random(seed)

    async def request(key: Key) -> None:
        name, own = spelled(key), [key[0], key[1], list(map(list, key[2]))]
        found = await dashboard.get_cached(name)
        if found is None:
            found = own
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
            if chance.random() < 0.9:
                await dashboard.set_cached(name, found, 300)
        assert found == own
        if chance.random() < 0.02:
            await dashboard.invalidate_tenant_cache(key[1])

    async def client() -> None:
        for _ in range(STEPS // 50):
            # Some give up, as browsers do.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(request(choose(chance)), chance.choice([0.0005, 20, 20, 20]))

    await asyncio.gather(*(client() for _ in range(64)))
    await given_back(manager)
    for key in await manager.cache.akeys():
        stored = await raw(manager, key)
        if stored is not None and stored.startswith(LEASE):
            # Of somebody who gave up before he knew that he has it: it runs out.
            assert await manager.cache.attl(key) <= 10
        elif stored is not None:
            assert spelled_as_stored(stored) == key


def spelled_as_stored(stored: bytes) -> str:
    kind, tenant, params = json.loads(stored)
    return dashboard.make_cache_key(kind, tenant, **dict(params))


async def test_events_of_one_tenant_leave_every_other_alone(manager: CacheManager) -> None:
    publisher = dashboard.EventPublisher()
    dashboard.CacheInvalidationSubscriber(manager, publisher)
    for concerned in HOSTILE:
        for tenant in HOSTILE:
            await dashboard.set_cached(dashboard.make_cache_key("dashboard_kpis", tenant, days=7), tenant, 300)
            await manager.set("pricing", tenant, concerned.replace(":", ""), tenant)
        event = dashboard.DataEvent(dashboard.EventType.PRICE_UPDATED, concerned, "product", concerned.replace(":", ""))
        await publisher.publish(event)
        left = {tenant for tenant in HOSTILE if await dashboard.get_cached(
            dashboard.make_cache_key("dashboard_kpis", tenant, days=7)) == tenant}  # fmt: skip
        assert left == set(HOSTILE) - {concerned}
        assert await manager.get("pricing", concerned, concerned.replace(":", "")) is None
