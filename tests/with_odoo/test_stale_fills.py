"""
No stale fill at REPEATABLE READ: a loader that has read, and is held up while somebody else changes the row.

Whoever computes waits for an advisory lock of PostgreSQL, which the test holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from hitrate.testing import HOST, Server
from tests.with_odoo.client import Browser
from tests.with_odoo.replica import connect, replica_of
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_products import keys

LOCK = 77_001
PATIENCE = 30.0


@pytest.fixture
def lock(odoo: Odoo, site: Site) -> Iterator[psycopg.Connection[Any]]:
    """A session of the database that holds the advisory lock."""
    with connect(odoo.database, site.name) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield connection


def race(lock: psycopg.Connection[Any], load: Callable[[], float], change: Callable[[], Any]) -> float:
    """Let a loader read, change the row while it is held up, and return what it loaded."""
    loaded: list[float] = []
    loader = threading.Thread(target=lambda: loaded.append(load()))
    loader.start()
    give_up = time.monotonic() + PATIENCE
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    while not lock.execute(waiting, [LOCK]).fetchone()[0]:
        assert time.monotonic() < give_up, "nobody waits for the lock"
        time.sleep(0.01)
    change()
    lock.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    loader.join(PATIENCE)
    return loaded[0]


def test_what_a_method_computed_before_a_change_is_not_kept_after_it(
    admin: Browser, site: Site, redis: Server, product: int, lock: psycopg.Connection[Any]
) -> None:
    other = site.admin()
    stale = race(
        lock,
        lambda: admin.kw("hitrate.probe", "price", product, LOCK),
        lambda: other.kw("product.template", "write", [product], {"list_price": 50.0}),
    )
    assert stale == 10.0
    assert admin.kw("hitrate.probe", "price", product, LOCK) == 50.0
    assert other.kw("hitrate.probe", "price", product, LOCK) == 50.0


@pytest.mark.parametrize("is_warm", [False, True], ids=["first entry", "known tag"])
def test_nor_is_what_a_controller_read_with_the_cursor_of_its_request(
    admin: Browser, site: Site, redis: Server, product: int, lock: psycopg.Connection[Any], is_warm: bool
) -> None:
    if is_warm:
        # The first fill with a tag is refused, and makes its record, so that the next ones can be judged.
        for _ in range(3):
            site.browser().call("/probe/price", product_id=product)
    visitor = site.browser()
    stale = race(
        lock,
        lambda: visitor.call("/probe/price", product_id=product, wait_for=LOCK)["price"],
        lambda: admin.kw("product.template", "write", [product], {"list_price": 60.0}),
    )
    assert stale == 10.0
    for _ in range(3):
        assert visitor.call("/probe/price", product_id=product, wait_for=LOCK)["price"] == 60.0


def test_a_controller_s_answers_are_kept_once_the_tag_is_known(site: Site, redis: Server, product: int) -> None:
    for _ in range(3):
        site.browser().call("/probe/price", product_id=product)
    (key,) = keys(redis, "*Probe*price*:h1")
    assert redis.execute("STRLEN", key) > 60


def test_a_controller_keeps_nothing_of_what_its_transaction_changed_by_sql(
    site: Site, redis: Server, product: int
) -> None:
    visitor = site.browser()
    for _ in range(3):
        visitor.call("/probe/price", product_id=product)
    # The tag is known, so that nothing else stands in the way of a fill.
    redis.execute("DEL", *keys(redis, "*Probe*price*:h1"))
    assert visitor.call("/probe/changed", product_id=product)["price"] == 99.0
    assert [visitor.call("/probe/price", product_id=product)["price"] for _ in range(3)] == [10.0] * 3


def test_read_only_cursors_keep_nothing_stale(odoo: Odoo, admin: Browser, redis: Server, product: int) -> None:
    # A second connection to the same server, for reading alone: what a replica is to Odoo.
    where = ("--db_replica_host", odoo.database["HOST"], "--db_replica_port", odoo.database["PORT"])
    with odoo.serve("shop", *where, workers=0) as reading:
        visitor = reading.browser()
        for _ in range(3):
            answer = visitor.call("/probe/price", product_id=product)
            assert (answer["readonly"], answer["price"]) == (True, 10.0)
        for price in (70.0, 80.0):
            admin.kw("product.template", "write", [product], {"list_price": price})
            assert visitor.call("/probe/price", product_id=product)["price"] == price


@pytest.mark.parametrize("lag", ["", "3600"], ids=["unknown lag", "known lag"])
def test_what_a_replica_says_that_lags_is_never_kept(
    odoo: Odoo, admin: Browser, redis: Server, product: int, lag: str
) -> None:
    with (
        replica_of(odoo.database) as port,
        connect(odoo.database, "shop", port) as replica,
        odoo.serve(
            "shop",
            *("--db_replica_host", HOST, "--db_replica_port", str(port)),
            workers=0,
            environ={"REDIS_REPLICA_LAG": lag},
        ) as reading,
    ):
        visitor = reading.browser()
        replica.execute("SELECT pg_wal_replay_pause()")
        admin.kw("product.template", "write", [product], {"list_price": 90.0})
        for _ in range(3):
            answer = visitor.call("/probe/price", product_id=product)
            # This is what reading from a replica means; but nobody else is told so.
            assert (answer["readonly"], answer["price"]) == (True, 10.0)
        assert [key for key in keys(redis, "*Probe*price*:h1") if redis.execute("STRLEN", key) > 60] == []
        # Methods compute on the primary.
        assert admin.kw("hitrate.probe", "price", product) == 90.0
        replica.execute("SELECT pg_wal_replay_resume()")
        give_up = time.monotonic() + PATIENCE
        while visitor.call("/probe/price", product_id=product)["price"] != 90.0:
            assert time.monotonic() < give_up, "the replica does not follow"


def test_many_readers_and_one_writer_never_see_less_than_was_committed(
    admin: Browser, site: Site, product: int
) -> None:
    done = threading.Event()
    committed = [10.0]
    seen_late: list[tuple[float, float]] = []

    def read() -> None:
        visitor = site.browser()
        while not done.is_set():
            known = committed[0]
            price = visitor.call(f"/api/ecommerce/products/{product}/cached")["data"]["list_price"]
            if price < known:
                seen_late.append((price, known))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for price in range(11, 41):
        admin.kw("product.template", "write", [product], {"list_price": float(price)})
        committed[0] = float(price)
    done.set()
    for reader in readers:
        reader.join(PATIENCE)
    assert seen_late == []


def test_a_worker_whose_orm_cache_is_old_keeps_nothing_that_it_makes_of_it(
    site: Site, admin: Browser, redis: Server, lock: psycopg.Connection[Any]
) -> None:
    admin.kw("ir.config_parameter", "set_param", "probe.parameter", "old")
    pids: set[int] = set()
    give_up = time.monotonic() + PATIENCE
    # Both workers have it in the cache of their ORM.
    while len(pids) < 2:
        assert time.monotonic() < give_up, "two workers do not answer"
        redis.execute("FLUSHALL")
        askers = [threading.Thread(target=lambda: pids.add(site.admin().kw("hitrate.probe", "parameter")["pid"]))]
        askers += [threading.Thread(target=lambda: pids.add(admin.kw("hitrate.probe", "parameter")["pid"]))]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(PATIENCE)
    other, found = site.admin(), []
    other.kw("hitrate.probe", "parameter")

    def ask() -> None:
        found.append(other.kw("hitrate.probe", "parameter")["value"])

    # One has committed and forgotten; whatever it tells the other one later is too late.
    setter = threading.Thread(target=lambda: admin.kw("hitrate.probe", "set_parameter", "new", LOCK))
    setter.start()
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    while not lock.execute(waiting, [LOCK]).fetchone()[0]:
        assert time.monotonic() < give_up, "nobody waits for the lock"
        time.sleep(0.01)
    ask()
    lock.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    setter.join(PATIENCE)
    ask()
    assert found == ["new", "new"]
