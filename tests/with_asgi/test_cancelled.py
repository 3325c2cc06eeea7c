"""Requests that are cancelled, and clients that hang up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest

import hitrate
from hitrate.asgi import ResponseCacheMiddleware
from tests.with_asgi.asking import Page, ask, receiver, scope_of

Kept = Callable[..., ResponseCacheMiddleware]


async def test_a_cancelled_rebuild_frees_its_lease_at_once(kept: Kept) -> None:
    page = Page()
    app = kept(page, lease=3600, wait=3600)
    page.go.clear()
    first = asyncio.create_task(ask(app))
    await page.is_running.wait()
    waiting = asyncio.create_task(ask(app))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert page.cancelled == 1
    page.go.set()
    # Else it would wait for an hour.
    assert (await waiting).text == "run 2"
    assert (await ask(app)).text == "run 2"


async def test_a_rebuild_that_hangs_is_given_up_for_dead_when_its_lease_has_run_out(kept: Kept) -> None:
    page = Page()
    app = kept(page, lease=0.05, wait=3600)
    page.go.clear()
    hung = asyncio.create_task(ask(app))
    await page.is_running.wait()
    await asyncio.sleep(0.1)
    page.is_running.clear()
    second = asyncio.create_task(ask(app))
    # Else it would wait for an hour.
    await page.is_running.wait()
    page.go.set()
    assert ((await second).text, (await hung).text) == ("run 2", "run 1")
    assert (await ask(app)).cache.startswith("hitrate; hit")


async def test_a_scope_of_anyio_that_cancels_again_and_again_frees_the_lease(
    kept: Kept, make_cache: Callable[..., hitrate.Cache]
) -> None:
    page = Page()
    app = kept(page, lease=3600, wait=3600)
    page.go.clear()
    async with anyio.create_task_group() as group:
        group.start_soon(ask, app)
        await page.is_running.wait()
        group.cancel_scope.cancel()
    page.go.set()
    # As another process, which knows of the lease on the server alone.
    other = kept(page, lease=3600, wait=3600, cache=make_cache())
    assert (await ask(other)).text == "run 2"


async def test_who_waits_may_be_cancelled_without_harm(kept: Kept) -> None:
    page = Page()
    app = kept(page)
    page.go.clear()
    first = asyncio.create_task(ask(app))
    await page.is_running.wait()
    others = [asyncio.create_task(ask(app)) for _ in range(10)]
    await asyncio.sleep(0)
    for task in others[::2]:
        task.cancel()
    page.go.set()
    assert (await first).text == "run 1"
    assert {(await task).text for task in others[1::2]} == {"run 1"}
    assert page.runs == 1


async def test_what_a_client_did_not_wait_for_is_stored_for_the_next_one(kept: Kept) -> None:
    page = Page()
    app = kept(page)

    async def hung_up(message: Any) -> None:
        raise OSError("the client has gone")

    with pytest.raises(OSError, match="gone"):
        await app(scope_of(), receiver(), hung_up)
    answer = await ask(app)
    assert (answer.text, page.runs) == ("run 1", 1)


async def test_random_cancellations_cross_no_answers_and_leave_no_lease(kept: Kept) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    dice = random.Random(seed)

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        body = scope["path"].encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    app = kept(slowly, lease=3600, wait=3600)
    answered = 0
    for round_ in range(60):
        tasks = {
            path: [asyncio.create_task(ask(app, path)) for _ in range(3)]
            for path in (f"/{round_}/{n}" for n in range(4))
        }
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)
        for task in [task for several in tasks.values() for task in several if dice.random() < 0.5]:
            task.cancel()
        for path, several in tasks.items():
            for found in await asyncio.gather(*several, return_exceptions=True):
                if isinstance(found, asyncio.CancelledError):
                    continue
                assert not isinstance(found, BaseException), found
                assert found.text == path
                answered += 1
            # Else it would wait for an hour.
            assert (await ask(app, path)).text == path
    assert answered


def test_two_event_loops_are_served_by_one_cache(cache: hitrate.Cache) -> None:
    page: Page

    async def twice() -> list[str]:
        return [(await ask(app)).text for _ in range(2)]

    async def scenario() -> list[str]:
        page.go, page.is_running = asyncio.Event(), asyncio.Event()
        page.go.set()
        return await twice()

    page = Page()
    app = ResponseCacheMiddleware(page, cache, shared=True)
    assert asyncio.run(scenario()) == ["run 1", "run 1"]
    assert asyncio.run(scenario()) == ["run 1", "run 1"]
    asyncio.run(cache.aclear())
    assert asyncio.run(scenario()) == ["run 2", "run 2"]
