"""
The table of docs/guides/odoo.md: requests to two workers, uncached, the original's way, and ours.

    HITRATE_TEST_ODOO=1 python -m tests.with_odoo.compare

Rounds are interleaved, in random order; what is shown is the median of the rounds, in milliseconds for one request, of
one client that waits for each answer, and in requests per second, of four.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hitrate.testing import Server, throwaway_server
from tests.postgresql import NO_POSTGRESQL, postgresql
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import DATABASE, Odoo, Site

ROUNDS = int(os.environ.get("HITRATE_ROUNDS", "9"))
REQUESTS = 12
CLIENTS = 4
OTHER_KEYS = 100_000


def main() -> None:
    with throwaway_server() as redis, postgresql() as database, tempfile.TemporaryDirectory() as directory:
        assert database is not None, NO_POSTGRESQL
        odoo = Odoo(Path(directory), database, {"REDIS_HOST": redis.host, "REDIS_PORT": str(redis.port)})
        if not odoo.sql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
            odoo.install(DATABASE)
        with odoo.serve(DATABASE) as site:
            _compare(site, redis)


def _compare(site: Site, redis: Server) -> None:
    admin = site.admin()
    products = make_products(admin, 100, name="Lamp")
    fill(redis, OTHER_KEYS)
    cases: dict[str, dict[str, Callable[[Browser], object]]] = {
        "list of 100": {
            "uncached": lambda who: who.call("/probe/uncached/list"),
            "original": lambda who: who.call("/probe/original/list"),
            "hitrate": lambda who: who.call("/api/ecommerce/products/list/cached", limit=100),
        },
        "details": {
            "uncached": lambda who: who.call("/probe/uncached/details", product_id=random.choice(products)),
            "original": lambda who: who.call("/probe/original/details", product_id=random.choice(products)),
            "hitrate": lambda who: who.call(f"/api/ecommerce/products/{random.choice(products)}/cached"),
        },
        "change of a product": {
            "original": lambda who: who.call(
                "/probe/write/original", product_id=products[0], price=random.randint(1, 99)
            ),
            "hitrate": lambda who: who.call(
                "/probe/write/hitrate", product_id=products[0], price=random.randint(1, 99)
            ),
        },
    }
    for title, ways in cases.items():
        is_write = title.startswith("change")
        found = measured(site, ways, is_write=is_write)
        for way, (milliseconds, rate) in found.items():
            sys.stdout.write(f"| {title} | {way} | {milliseconds:.1f} | {'' if is_write else f'{rate:.0f}'} |\n")
            sys.stdout.flush()


def measured(
    site: Site, ways: dict[str, Callable[[Browser], object]], *, is_write: bool
) -> dict[str, tuple[float, float]]:
    """Median milliseconds of one client, and median requests per second of several, of each way."""
    browsers = [site.admin() if is_write else site.browser() for _ in range(1 if is_write else CLIENTS)]
    alone: dict[str, list[float]] = {way: [] for way in ways}
    together: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        for browser in browsers * (1 if is_write else 30):
            way(browser)
    for _ in range(ROUNDS):
        for way in random.sample(list(ways), len(ways)):
            began = time.perf_counter()
            for _ in range(REQUESTS):
                ways[way](browsers[0])
            alone[way].append((time.perf_counter() - began) / REQUESTS * 1000)
            if not is_write:
                together[way].append(_rate(browsers, ways[way]))
    return {way: (statistics.median(alone[way]), statistics.median(together[way] or [0])) for way in ways}


def _rate(browsers: list[Browser], call: Callable[[Browser], object]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(len(browsers)) as pool:
        list(pool.map(lambda who: [call(who) for _ in range(REQUESTS)], browsers))
    return REQUESTS * len(browsers) / (time.perf_counter() - began)


def fill(redis: Server, count: int) -> None:
    """Other keys on the same server, which KEYS walks over too."""
    script = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'other:' .. i, '1') end"
    redis.execute("EVAL", script, "0", str(count))


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps({'rounds': ROUNDS, 'requests': REQUESTS, 'other keys': OTHER_KEYS})}\n")
    main()
