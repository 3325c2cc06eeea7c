"""A site of FastAPI under uvicorn while its Redis is absent, appears, dies, hangs and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.asyncio.client import connect

from hitrate.testing import Server
from tests.with_asgi.conftest import Site

APPLICATION = "fastapi_site:app"
# Of the tests: how long a site may take to notice that its server is back.
RECOVERS_WITHIN = 60

Serve = Callable[..., Site]


def number(response: httpx.Response) -> int:
    """Which run of the worker answered."""
    assert response.status_code == 200, response.text
    return int(response.json().partition(":")[2])


def until_hit(site: Site, target: str) -> None:
    """Ask until an answer comes from the cache."""
    give_up = time.monotonic() + RECOVERS_WITHIN
    while time.monotonic() < give_up:
        if site.get(target).headers["cache-status"].startswith("hitrate; hit"):
            return
        time.sleep(0.05)
    raise AssertionError(f"the cache was not used again within {RECOVERS_WITHIN} s")


@pytest.mark.parametrize("target", ["/page", "/kept"])
def test_a_site_starts_without_its_server_and_finds_it_later(serve: Serve, own_server: Server, target: str) -> None:
    own_server.kill()
    site = serve(APPLICATION, APP_CACHE_URL=own_server.url)
    assert number(site.get(target)) < number(site.get(target))
    assert "stored" not in site.get(target).headers["cache-status"]
    own_server.restart()
    until_hit(site, target)


@pytest.mark.parametrize("failure", ["dies", "hangs"])
def test_a_site_answers_from_the_source_while_its_server_is_gone(
    serve: Serve, own_server: Server, failure: str
) -> None:
    site = serve(APPLICATION, APP_CACHE_URL=own_server.url)
    for target in ("/page", "/kept"):
        site.get(target)
        until_hit(site, target)
    if failure == "dies":
        own_server.kill()
    else:
        own_server.stop()
    # Until the breaker is open, each may wait for the entry, and then not for a lease as well.
    assert site.get("/page").status_code == 200
    assert site.get("/waited").json()["timeouts"] == (0 if failure == "dies" else 1)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(site.get, ["/page", "/kept"] * 8))
    assert all(answer.status_code == 200 for answer in answers)
    waited = site.get("/waited").json()
    assert waited["timeouts"] <= (0 if failure == "dies" else 1 + len(answers))
    assert waited["breaker"] == "open"
    # And then nobody does at all.
    later = [site.get(target) for target in ("/page", "/kept", "/page", "/kept")]
    assert all("fwd=miss" in answer.headers["cache-status"] for answer in later)
    assert site.get("/waited").json() == waited
    assert [site.get("/limited").status_code for _ in range(4)] == [200] * 3 + [429]
    if failure == "dies":
        own_server.restart()
    else:
        own_server.cont()
    for target in ("/page", "/kept"):
        until_hit(site, target)


def test_of_two_workers_one_computes(serve: Serve, own_server: Server) -> None:
    sites = [serve(APPLICATION, APP_CACHE_URL=own_server.url, APP_DEADLINE="30") for _ in range(2)]
    with ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(site.get, "/slow", timeout=120, headers={"host": "shop.test"}) for site in sites * 10]
        give_up = time.monotonic() + 60
        while not own_server.execute("EXISTS", "begun") and time.monotonic() < give_up:
            time.sleep(0.01)
        own_server.execute("SET", "go", "1")
        found = [one.result() for one in asking]
    assert len({answer.text for answer in found}) == 1
    assert own_server.execute("GET", "begun") == b"1"


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(serve: Serve, own_server: Server) -> None:
    site = serve(APPLICATION, APP_CACHE_URL=own_server.url, APP_DEADLINE="30")
    with pytest.raises(httpx.ReadTimeout):
        site.get("/slow", timeout=1)
    assert own_server.execute("GET", "begun") in {b"1", None}
    own_server.execute("SET", "go", "1")
    assert site.get("/slow", timeout=120).status_code == 200
    assert site.get("/slow").headers["cache-status"].startswith("hitrate; hit")
    # Nothing is left of it, and the site goes on.
    with httpx.stream("GET", f"{site.url}/kept/stream") as response:
        assert next(response.iter_lines()) == "0"
    assert site.get("/pid").json() == site.process.pid


def test_a_stream_and_a_websocket_pass_through_a_real_server(serve: Serve, own_server: Server) -> None:
    site = serve(APPLICATION, APP_CACHE_URL=own_server.url)
    with httpx.stream("GET", f"{site.url}/kept/stream") as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(3)] == ["0", "1", "2"]
        assert response.headers["cache-status"] == "hitrate; fwd=miss; detail=streaming"

    async def talk() -> str:
        async with connect(f"ws://127.0.0.1:{site.port}/kept/socket", proxy=None) as socket:
            await socket.send("hello")
            return str(await socket.recv())

    assert asyncio.run(talk()) == "HELLO"


def test_a_site_that_ends_leaves_no_connection(serve: Serve, own_server: Server) -> None:
    site = serve(APPLICATION, APP_CACHE_URL=own_server.url)
    site.get("/page")
    site.stop()
    assert site.process.returncode in {0, -15}
    assert site.log.read_text() == ""
