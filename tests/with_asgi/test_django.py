"""Django's async cache, async views and the decorator under uvicorn, asked from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from hitrate.testing import Server
from tests.with_asgi.conftest import Site

APPLICATION = "django_site:application"
WITHIN = 60

# Django has no lifespan; uvicorn would say so in its log.
OPTIONS = ("--lifespan", "off")
VIEWS = ("/page", "/rest")

Serve = Callable[..., Site]


def until(what: Callable[[], bool]) -> None:
    """Ask until it is so."""
    give_up = time.monotonic() + WITHIN
    while not what():
        assert time.monotonic() < give_up, f"it was not so within {WITHIN} s"
        time.sleep(0.05)


def is_hit(response: httpx.Response) -> bool:
    return response.headers["cache-status"].startswith("hitrate; hit")


def test_every_async_verb_works_under_a_real_server(serve: Serve, own_server: Server) -> None:
    site = serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url, APP_DEADLINE="30")
    for _ in range(2):
        assert site.get("/verbs").json() == {
            "nothing": None,
            "added": [False, True],
            "a": 1,
            "counted": [6, 5],
            "touched": [True, False],
            "failed": [],
            "many": {"a": 5, "b": 2, "c": [1], "d": {"e": None}},
            "made": [7, 7],
            "has": [True, True, False],
            "left": {"c": [1]},
            "version": 2,
            "afterwards": [1],
        }


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_answered_from_the_cache(serve: Serve, own_server: Server, view: str) -> None:
    site = serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url, APP_DEADLINE="30")
    first, second = site.get(view), site.get(view)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers["cache-status"] == "hitrate; fwd=miss; stored"
    assert is_hit(second)
    known = site.get(view, headers={"if-none-match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = httpx.head(f"{site.url}{view}")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(first.content)))
    assert site.get("/forget").text == "forgotten"
    assert site.get(view).content != first.content


def test_one_of_many_requests_to_two_workers_computes(serve: Serve, own_server: Server) -> None:
    sites = [serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url, APP_DEADLINE="30") for _ in range(2)]
    host = {"host": "shop.test"}
    with ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(site.get, "/slow", timeout=120, headers=host) for site in sites * 10]
        until(lambda: own_server.execute("EXISTS", "begun") == 1)
        own_server.execute("SET", "go", "1")
        found = [one.result() for one in asking]
    assert len({answer.text for answer in found}) == 1
    assert own_server.execute("GET", "begun") == b"1"


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(serve: Serve, own_server: Server) -> None:
    site = serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url, APP_DEADLINE="30")
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(site.get, "/slow", timeout=3)
        until(lambda: own_server.execute("EXISTS", "begun") == 1)
        with pytest.raises(httpx.ReadTimeout):
            asking.result()
    # Django cancels the view.
    until(lambda: site.get("/waited").json()["cancelled"] == 1)
    own_server.execute("SET", "go", "1")
    # The lease of the cancelled view would else be waited for, for ten minutes.
    assert site.get("/slow", timeout=120).status_code == 200
    assert is_hit(site.get("/slow"))


@pytest.mark.parametrize("failure", ["dies", "hangs"])
def test_views_answer_while_the_server_is_gone(serve: Serve, own_server: Server, failure: str) -> None:
    site = serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url)
    for view in VIEWS:
        site.get(view)
        until(lambda view=view: is_hit(site.get(view)))  # type: ignore[misc]
    if failure == "dies":
        own_server.kill()
    else:
        own_server.stop()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(site.get, list(VIEWS) * 8))
    assert {answer.status_code for answer in answers} == {200}
    waited = site.get("/waited").json()
    # Until the breaker is open, each may wait for the entry and for a lease.
    assert waited["timeouts"] <= (0 if failure == "dies" else 2 * len(answers))
    assert waited["breaker"] == "open"
    later = [site.get(view) for view in VIEWS * 2]
    assert all("fwd=miss" in answer.headers["cache-status"] for answer in later)
    assert site.get("/waited").json() == waited
    if failure == "dies":
        own_server.restart()
    else:
        own_server.cont()
    for view in VIEWS:
        until(lambda view=view: is_hit(site.get(view)))  # type: ignore[misc]


def test_a_site_that_starts_without_its_server_finds_it_later(serve: Serve, own_server: Server) -> None:
    own_server.kill()
    site = serve(APPLICATION, *OPTIONS, APP_CACHE_URL=own_server.url)
    assert site.get("/page").status_code == 200
    own_server.restart()
    for view in VIEWS:
        until(lambda view=view: is_hit(site.get(view)))  # type: ignore[misc]
