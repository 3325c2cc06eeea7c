"""A real Odoo for these tests: PostgreSQL, Redis, a database with the addons, a server with two workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hitrate.testing import Server, throwaway_server
from tests.postgresql import NO_POSTGRESQL, postgresql
from tests.with_odoo.client import Browser
from tests.with_odoo.environment import python
from tests.with_odoo.site import BLANK, DATABASE, MODULES, Odoo, Site

HERE = Path(__file__).parent
# Their tests are run by Odoo.
collect_ignore = ["addons"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test-odoo` has made an environment, and says so; nobody else pays for an Odoo."""
    if "HITRATE_TEST_ODOO" in os.environ:
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs an Odoo, which 'make test-odoo' gets"))


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """The Redis of the site, which a test may stop and start."""
    with throwaway_server() as server:
        yield server


@pytest.fixture(scope="session")
def odoo(redis: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odoo]:
    """An Odoo with the addons in database ``shop``, not serving yet."""
    assert python().exists(), f"no {python()}; run: make test-odoo"
    with postgresql() as database:
        assert database is not None, NO_POSTGRESQL
        environ = {"REDIS_HOST": redis.host, "REDIS_PORT": str(redis.port)}
        found = Odoo(tmp_path_factory.mktemp("odoo"), database, environ)
        # Of a DATABASE_URL: what an earlier run left is brought up to date.
        is_there = found.sql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")
        found.update(DATABASE, MODULES) if is_there else found.install(DATABASE, MODULES)
        found.copy(BLANK)
        yield found


@pytest.fixture(scope="session")
def site(odoo: Odoo) -> Iterator[Site]:
    """The database ``shop``, served by two workers."""
    with odoo.serve(DATABASE) as serving:
        yield serving


@pytest.fixture(scope="module", autouse=True)
def _running(redis: Server) -> None:
    """Redis runs before the fixtures of a module write, whatever the module before did to it."""
    if not redis.is_running:
        redis.restart()
    redis.cont()


@pytest.fixture(autouse=True)
def _empty(_running: None, redis: Server) -> None:
    """Each test begins with a Redis that runs and is empty."""
    if not redis.is_running:
        redis.restart()
    redis.cont()
    redis.execute("FLUSHALL")


@pytest.fixture(scope="session")
def admin(site: Site) -> Browser:
    """The administrator, logged in."""
    return site.admin()


@pytest.fixture
def product(admin: Browser) -> int:
    """A storable product on sale for 10."""
    return make_products(admin, 1)[0]


def make_products(admin: Browser, count: int, **values: Any) -> list[int]:
    """Make products that are on sale on the website."""
    common = {"sale_ok": True, "is_published": True, "is_storable": True, "list_price": 10.0, "taxes_id": [], **values}
    return admin.kw("product.template", "create", [{"name": f"Lamp {n}", **common} for n in range(count)])


def company_of(admin: Browser) -> int:
    """The company that the administrator works in."""
    found: int = admin.kw("res.users", "read", [2], ["company_id"])[0]["company_id"][0]
    return found


def put_in_stock(admin: Browser, company: int, variant: int, quantity: int) -> None:
    """Count so many pieces in the warehouse of a company."""
    context = {"allowed_company_ids": [company], "inventory_mode": True}
    warehouse = admin.kw("stock.warehouse", "search", [["company_id", "=", company]], limit=1, context=context)
    location = admin.kw("stock.warehouse", "read", warehouse, ["lot_stock_id"], context=context)[0]["lot_stock_id"][0]
    values = {"product_id": variant, "location_id": location, "inventory_quantity": quantity}
    quant = admin.kw("stock.quant", "create", values, context=context)
    admin.kw("stock.quant", "action_apply_inventory", [quant], context=context)


@contextmanager
def parameters(admin: Browser, **values: object) -> Iterator[None]:
    """System parameters of the shop, taken back afterwards."""
    try:
        for name, value in values.items():
            admin.kw("ir.config_parameter", "set_param", f"redis.{name}", str(value))
        yield
    finally:
        for name in values:
            admin.kw("ir.config_parameter", "set_param", f"redis.{name}", False)
