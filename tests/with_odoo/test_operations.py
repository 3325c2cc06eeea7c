"""What both documents say of running Redis: settings, memory, persistence, forbidden commands, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitrate.testing import HOST, Server, throwaway_server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.conftest import parameters
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_administration import CLEAR, STATS
from tests.with_odoo.test_api import READY
from tests.with_odoo.test_failing import eventually, json_of
from tests.with_odoo.test_products import LIST, details, keys

SECRET = "un mot/de passe:?"


def is_kept(site: Site, product: int) -> bool:
    """Whether two visitors in turn get an answer, and the second one from the cache."""
    first, second = (site.browser().call(details(product)) for _ in range(2))
    assert first["data"] == second["data"]
    found: bool = second["cached"]
    return found


def test_the_parameters_of_the_document_say_where_redis_is(odoo: Odoo, admin: Browser, product: int) -> None:
    nowhere = {"REDIS_HOST": "192.0.2.1", "REDIS_PORT": "1", "REDIS_TIMEOUT": "0.1"}
    with throwaway_server(password=SECRET) as guarded:
        given = {"host": "localhost", "port": guarded.port, "db": 2, "password": SECRET}
        with parameters(admin, **given), odoo.serve("shop", workers=0, environ=nowhere) as told:
            assert is_kept(told, product)
            assert guarded.execute("INFO", "keyspace").decode().count("db2:keys=") == 1
            # Of the other addon too, whose original knew the environment alone.
            assert json_of(told.browser(), READY)["redis"]["status"] == "ok"
        url = f"redis://:un%20mot%2Fde%20passe%3A%3F@{HOST}:{guarded.port}/3"
        with parameters(admin, url=url), odoo.serve("shop", workers=0, environ=nowhere) as told:
            assert is_kept(told, product)
            assert guarded.execute("INFO", "keyspace").decode().count("db3:keys=") == 1


def test_the_environment_says_host_port_and_password(odoo: Odoo, product: int) -> None:
    with throwaway_server(password=SECRET) as guarded:
        given = {"REDIS_HOST": "localhost", "REDIS_PORT": str(guarded.port), "REDIS_PASSWORD": SECRET}
        with odoo.serve("shop", workers=0, environ=given) as told:
            assert told.lines(f"Redis connected successfully at localhost:{guarded.port}")
            assert is_kept(told, product)
            assert guarded.execute("DBSIZE") > 0
            assert SECRET not in told.log.read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "redis+sentinel://localhost:26379/0"),
        ("url", "redis+cluster://localhost:6379"),
        ("url", "http://localhost"),
        ("port", "abc"),
        ("port", "99999"),
        ("db", "-1"),
        ("timeout", "soon"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_where_it_is_written(
    site: Site, admin: Browser, redis: Server, product: int, name: str, value: str
) -> None:
    with pytest.raises(RefusedError, match="Redis cannot be used so"):
        admin.kw("ir.config_parameter", "set_param", f"redis.{name}", value)
    assert is_kept(site, product)
    admin.kw("product.template", "write", [product], {"list_price": 14.0})
    assert site.browser().call(details(product))["data"]["list_price"] == 14.0


def test_the_package_redis_is_not_needed(odoo: Odoo, redis: Server, product: int, tmp_path: Path) -> None:
    (tmp_path / "redis.py").write_text("raise ImportError('redis module not found')\n")
    with odoo.serve("shop", workers=0, environ={"PYTHONPATH": str(tmp_path)}) as without:
        assert is_kept(without, product)
        with pytest.raises(RefusedError, match="redis module not found"):
            without.browser().call("/probe/original/list")


@pytest.mark.parametrize(
    ("options", "password"),
    [
        (("--save", "900 1", "--save", "300 10", "--save", "60 10000"), None),
        (("--save", "60 1000", "--maxmemory", "512mb", "--maxmemory-policy", "allkeys-lru"), SECRET),
        (("--appendonly", "yes", "--appendfsync", "always"), SECRET),
    ],
    ids=["snapshots", "snapshots of quelyos_api", "append-only file and password"],
)
def test_what_was_kept_outlives_a_restart_of_a_redis_that_writes_it_down(
    site: Site, admin: Browser, product: int, options: tuple[str, ...], password: str | None
) -> None:
    with throwaway_server(args=options, password=password) as server:
        given = {"port": server.port, **({"password": password} if password else {})}
        with parameters(admin, **given):
            assert is_kept(site, product)
            if "--appendonly" not in options:
                server.execute("SAVE")
            server.restart()
            eventually(lambda: admin.call(STATS)["data"]["enabled"], "it is not found again")
            eventually(lambda: site.browser().call(details(product))["cached"], "nothing is kept")
            admin.kw("product.template", "write", [product], {"list_price": 17.0})
            for _ in range(4):
                assert site.browser().call(details(product))["data"]["list_price"] == 17.0


def test_a_redis_whose_dangerous_commands_are_renamed_is_cleared(site: Site, admin: Browser, product: int) -> None:
    names = ("FLUSHDB", "FLUSHALL", "KEYS")
    options = [word for name in names for word in ("--rename-command", name, "")]
    with throwaway_server(args=options) as server, parameters(admin, port=server.port):
        assert is_kept(site, product)
        assert admin.call(CLEAR) == {"success": True, "message": "All e-commerce cache cleared"}
        assert site.browser().call(details(product))["cached"] is False
        admin.kw("product.template", "write", [product], {"list_price": 18.0})
        assert site.browser().call(details(product))["data"]["list_price"] == 18.0
        with pytest.raises(Exception, match="unknown command"):
            server.execute("FLUSHDB")


def test_a_redis_of_little_memory_evicts_and_the_site_is_right(site: Site, admin: Browser, product: int) -> None:
    options = ("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
    with throwaway_server(args=options) as server, parameters(admin, port=server.port):
        for number in range(400):
            server.execute("SET", f"other:{number}", "x" * 20_000)
        assert is_kept(site, product)
        for number in range(400):
            server.execute("SET", f"other:{number}", "x" * 20_000)
        assert evicted(server) > 0
        admin.kw("product.template", "write", [product], {"list_price": 19.0})
        for _ in range(4):
            assert site.browser().call(details(product))["data"]["list_price"] == 19.0
        assert admin.call(STATS)["data"]["enabled"] is True


def evicted(server: Server) -> int:
    lines = server.execute("INFO", "stats").decode().splitlines()
    return int(next(line for line in lines if line.startswith("evicted_keys:")).split(":")[1])


def test_a_full_redis_is_said_once_in_its_own_words(site: Site, admin: Browser, product: int) -> None:
    with throwaway_server(args=("--maxmemory", "1", "--maxmemory-policy", "noeviction")) as server:
        mark = site.mark()
        with parameters(admin, port=server.port):
            for _ in range(12):
                assert site.browser().call(details(product))["success"] is True
        assert 1 <= len(site.lines("OOM", mark)) <= 2


def test_after_a_flush_by_hand_the_site_fills_again(site: Site, admin: Browser, redis: Server, product: int) -> None:
    assert is_kept(site, product)
    site.browser().call(LIST)
    redis.execute("FLUSHDB")
    assert site.browser().call(details(product))["cached"] is False
    assert site.browser().call(LIST)["cached"] is False
    assert is_kept(site, product)
    assert keys(redis, f"product:api:{product}:*:h1")


def test_a_change_that_the_orm_did_not_see_is_seen_after_clearing(
    odoo: Odoo, site: Site, admin: Browser, product: int
) -> None:
    assert is_kept(site, product)
    odoo.sql(f"UPDATE product_template SET list_price = 55 WHERE id = {product}", site.name)
    assert site.browser().call(details(product))["data"]["list_price"] == 10.0
    assert admin.call(CLEAR, pattern=f"product:api:{product}*")["success"] is True
    assert site.browser().call(details(product))["data"]["list_price"] == 55.0
