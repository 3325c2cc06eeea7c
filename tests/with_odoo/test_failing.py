"""A Redis that hangs, dies and comes back, while Odoo serves."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from hitrate.testing import Server, throwaway_server
from tests.with_odoo.client import Browser
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_administration import CLEAR, STATS
from tests.with_odoo.test_products import LIST, details
from tests.with_odoo.websocket import WebSocket

PATIENCE = 60.0
AWAY = "Failed to connect to Redis: "


def eventually(what: Callable[[], bool], why: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < give_up, why
        time.sleep(0.05)


def json_of(browser: Browser, path: str) -> dict[str, Any]:
    status, _, body = browser.fetch(path)
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def of_each_worker(site: Site) -> dict[int, dict[str, Any]]:
    """What the client of each of the two workers has counted."""
    found: dict[int, dict[str, Any]] = {}

    def look() -> bool:
        with ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda _: json_of(site.browser(), "/probe/worker"), range(4)):
                found[answer["pid"]] = answer
        return len(found) == 2

    eventually(look, "two workers do not answer")
    return found


@pytest.fixture
def fresh_site(odoo: Odoo) -> Iterator[Site]:
    """Two workers of their own, whose clients have counted nothing yet."""
    with odoo.serve("shop") as serving:
        yield serving


def test_a_hung_redis_costs_one_deadline_per_worker_and_no_request(
    fresh_site: Site, redis: Server, product: int
) -> None:
    visitor = fresh_site.browser()
    assert visitor.call(details(product))["success"] is True
    before = of_each_worker(fresh_site)
    mark = fresh_site.mark()
    redis.stop()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: fresh_site.browser().call(details(product)), range(40)))
    assert [answer["success"] for answer in answers] == [True] * 40
    assert {answer["data"]["list_price"] for answer in answers} == {10.0}
    after = of_each_worker(fresh_site)
    for pid, counted in after.items():
        # The round trip that found it dead; the PING that made sure is not one of the site's.
        assert counted["timeouts"] - before[pid]["timeouts"] <= 1
    assert len(fresh_site.lines(AWAY, mark)) == 2
    assert fresh_site.lines(" ERROR shop odoo.http", mark) == []
    redis.cont()
    eventually(lambda: visitor.call(details(product))["cached"], "the cache is not used again")


def test_a_change_made_while_redis_is_away_is_seen_when_it_is_back(
    site: Site, admin: Browser, redis: Server, product: int
) -> None:
    visitor = site.browser()
    assert visitor.call(details(product))["data"]["list_price"] == 10.0
    redis.stop()
    admin.kw("product.template", "write", [product], {"list_price": 15.0})
    for _ in range(6):
        assert visitor.call(details(product))["data"]["list_price"] in {10.0, 15.0}
    redis.cont()
    eventually(
        lambda: all(site.browser().call(details(product))["data"]["list_price"] == 15.0 for _ in range(6)),
        "the change is not seen",
    )


def test_a_dead_redis_is_said_by_statistics_and_by_clearing(
    site: Site, admin: Browser, redis: Server, product: int
) -> None:
    site.browser().call(details(product))
    mark = site.mark()
    redis.kill()
    assert admin.call(STATS) == {"success": True, "data": {"enabled": False, "message": "Redis not available"}}
    assert admin.call(CLEAR)["success"] is False
    assert site.browser().call(LIST)["success"] is True
    assert any("Connection refused" in line for line in site.lines(AWAY, mark))
    redis.restart()
    eventually(lambda: admin.call(STATS)["data"]["enabled"], "the statistics do not come back")
    eventually(lambda: site.browser().call(details(product))["cached"], "the cache is not used again")


def test_a_password_is_taken_from_the_parameters_and_never_shown(
    site: Site, admin: Browser, redis: Server, product: int
) -> None:
    secret, mark = "un mot/de passe:?", site.mark()

    def say(password: object, port: object) -> None:
        admin.kw("ir.config_parameter", "set_param", "redis.password", password)
        admin.kw("ir.config_parameter", "set_param", "redis.port", port)

    with throwaway_server(password=secret) as guarded:
        try:
            say(secret, str(guarded.port))
            visitor = site.browser()
            visitor.call(details(product))
            assert visitor.call(details(product))["cached"] is True
            assert guarded.execute("DBSIZE") > 0
            say(secret[::-1], str(guarded.port))
            assert [visitor.call(details(product))["success"] for _ in range(4)] == [True] * 4
            assert secret[::-1] not in site.log.read_text()[mark:]
        finally:
            say(False, False)


def test_a_full_redis_refuses_and_the_site_goes_on(site: Site, redis: Server, product: int) -> None:
    redis.execute("CONFIG", "SET", "maxmemory", "1")
    try:
        for _ in range(4):
            answer = site.browser().call(details(product))
            assert (answer["success"], answer["data"]["list_price"]) == (True, 10.0)
    finally:
        redis.execute("CONFIG", "SET", "maxmemory", "0")
    eventually(lambda: site.browser().call(details(product))["cached"], "nothing is stored again")


def test_clearing_needs_no_flushdb(odoo: Odoo, admin: Browser, redis: Server, product: int, site: Site) -> None:
    redis.execute("ACL", "SETUSER", "default", "-flushdb", "-flushall", "-keys")
    try:
        assert admin.call(CLEAR)["success"] is True
        assert site.browser().call(details(product))["success"] is True
    finally:
        redis.execute("ACL", "SETUSER", "default", "+@all")


def test_no_call_opens_a_connection_of_its_own(site: Site, redis: Server, product: int) -> None:
    for _ in range(8):
        site.browser().call(details(product))
    before = connections(redis)
    for _ in range(20):
        site.browser().call(details(product))
        site.browser().call(LIST)
    # Each of the two asked `redis` itself, over a connection that it opened for that.
    assert connections(redis) - before <= 2


def connections(redis: Server) -> int:
    """How many connections were ever made to a server."""
    line = next(line for line in redis.execute("INFO", "stats").decode().splitlines() if "connections_received" in line)
    return int(line.split(":")[1])


def test_workers_have_clients_of_their_own(site: Site) -> None:
    counted = of_each_worker(site)
    assert len(counted) == 2
    assert all(answer["waiter"] == "thread" for answer in counted.values())


def listens(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@contextmanager
def patient(odoo: Odoo) -> Iterator[Site]:
    """A site whose clients wait for Redis for longer than a test takes."""
    with odoo.serve("shop", environ={"REDIS_TIMEOUT": "50"}) as serving:
        yield serving


def test_a_slow_redis_freezes_no_other_websocket(odoo: Odoo, redis: Server) -> None:
    with patient(odoo) as site:
        eventually(lambda: listens(site.gevent), "the gevent process does not listen")
        stuck = Browser(f"http://{site.gevent}", site.name)
        assert json_of(stuck, "/probe/worker")["waiter"] == "gevent"
        stuck.fetch("/probe/get?key=warm")
        with WebSocket(site.gevent, site.name) as websocket:
            assert websocket.ping(b"before") == b"before"
            redis.stop()
            mark = site.mark()
            asking = threading.Thread(target=stuck.fetch, args=("/probe/get?key=stuck",))
            asking.start()
            eventually(lambda: bool(site.lines("asks for stuck", mark)), "the process was not asked")
            # Odoo closes a websocket that sends more than ten frames at once.
            for number in range(6):
                assert websocket.ping(b"%d" % number) == b"%d" % number
            assert asking.is_alive()
            redis.cont()
            asking.join(PATIENCE)
            assert not asking.is_alive()


def test_switched_off_nothing_is_read_or_stored_and_forgetting_goes_on(
    odoo: Odoo, site: Site, redis: Server, product: int
) -> None:
    with odoo.serve("shop", workers=0, environ={"HITRATE_ENABLED": "0"}) as off:
        assert [off.browser().call(details(product))["cached"] for _ in range(3)] == [False] * 3
        assert redis.execute("KEYS", "product:*") == []
        visitor = site.browser()
        visitor.call(details(product))
        assert visitor.call(details(product))["cached"] is True
        assert off.browser().call(details(product))["cached"] is False
        off.admin().kw("product.template", "write", [product], {"list_price": 16.0})
        assert visitor.call(details(product))["data"]["list_price"] == 16.0


def test_the_parameter_switches_it_off_and_on_at_once(site: Site, admin: Browser, redis: Server, product: int) -> None:
    visitor = site.browser()

    def asked() -> list[bool]:
        return [visitor.call(details(product))["cached"] for _ in range(4)]

    assert asked()[1:] == [True] * 3
    admin.kw("ir.config_parameter", "set_param", "redis.enabled", "0")
    try:
        assert asked() == [False] * 4
        admin.kw("product.template", "write", [product], {"list_price": 18.0})
    finally:
        admin.kw("ir.config_parameter", "set_param", "redis.enabled", False)
    assert visitor.call(details(product))["data"]["list_price"] == 18.0
    assert asked()[1:] == [True] * 3


@pytest.mark.parametrize(("variable", "value"), [("REDIS_PORT", "abc"), ("REDIS_TIMEOUT", "soon"), ("REDIS_DB", "-1")])
def test_settings_that_cannot_be_used_cost_the_cache_and_nothing_else(
    odoo: Odoo, site: Site, admin: Browser, redis: Server, product: int, variable: str, value: str
) -> None:
    name = f"redis.{variable.removeprefix('REDIS_').lower()}"
    usable = {"redis.port": str(redis.port), "redis.timeout": "0.5", "redis.db": "0"}[name]
    secret = "not-to-be-shown"
    visitor = site.browser()
    for _ in range(2):
        assert visitor.call(details(product))["data"]["list_price"] == 10.0
    with odoo.serve("shop", workers=0, environ={variable: value, "REDIS_PASSWORD": secret}) as sick:
        assert [sick.browser().call(details(product))["cached"] for _ in range(3)] == [False] * 3
        manager = sick.admin()
        manager.kw("product.template", "write", [product], {"list_price": 19.0})
        assert sick.browser().call(details(product))["data"]["list_price"] == 19.0
        told = sick.lines("the settings of Redis cannot be used")
        assert variable in told[0]
        assert value in told[0]
        assert len(told) == 1
        assert secret not in sick.log.read_text()
        # The others were not told of the change; they are once the settings can be used.
        assert visitor.call(details(product))["data"]["list_price"] == 10.0
        try:
            admin.kw("ir.config_parameter", "set_param", "redis.url", f"redis://127.0.0.1:{redis.port}/0")
            admin.kw("ir.config_parameter", "set_param", name, usable)
            sick.browser().call(details(product))
            assert sick.browser().call(details(product))["cached"] is True
            assert visitor.call(details(product))["data"]["list_price"] == 19.0
        finally:
            admin.kw("ir.config_parameter", "set_param", "redis.url", False)
            admin.kw("ir.config_parameter", "set_param", name, False)


def test_while_redis_is_away_other_addons_calls_write_no_line_each(odoo: Odoo, redis: Server) -> None:
    with odoo.serve("shop", workers=0) as alone:
        admin = alone.admin()

        def call_all() -> None:
            for method, args in (("get", ["k"]), ("set", ["k", 1]), ("incr", ["k"]), ("delete", ["k"])):
                admin.kw("hitrate.probe", "redis_cache", method, *args)
            for method, args in (("get", ["k"]), ("set", ["k", 1]), ("delete", ["k"]), ("get_stats", [])):
                admin.kw("hitrate.probe", "cache_service", method, *args)

        call_all()
        redis.kill()
        mark = alone.mark()
        for _ in range(10):
            call_all()
        assert len(alone.lines(AWAY, mark)) == 1
        # Of the call that found it dead.
        assert len(alone.lines(" ERROR shop odoo.addons", mark)) <= 1
