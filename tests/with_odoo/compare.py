"""
The table of docs/guides/odoo.md: requests to two workers, uncached, the original's way, and ours.

    HITRATE_TEST_ODOO=1 python -m tests.with_odoo.compare

Rounds are interleaved, in random order; what is shown is the median of the rounds and their quartiles, in milliseconds
for one request, of one client that waits for each answer, and in requests per second, of four.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hitrate.testing import Server, throwaway_server
from tests.postgresql import NO_POSTGRESQL, postgresql
from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import MODULES, Odoo, Site
from tests.with_odoo.test_crossing import switch_pricelists

ROUNDS = int(os.environ.get("HITRATE_ROUNDS", "9"))
REQUESTS = 12
CLIENTS = 4
OTHER_KEYS = 100_000
# What a change costs without any cache, and with the original's, is asked of databases without ours. They are not those
# of the tests, which leave pricelists behind, for which Odoo asks the database in every request.
PLAIN, ORIGINAL, OURS = "compare_plain", "compare_original", "compare_ours"
DATABASES = {PLAIN: ("website_sale_stock", "rpc"), ORIGINAL: ("hitrate_original",), OURS: MODULES}

Call = Callable[[Any], object]
Cases = dict[str, dict[str, Call]]


def main() -> None:
    with throwaway_server() as redis, postgresql() as database, tempfile.TemporaryDirectory() as directory:
        assert database is not None, NO_POSTGRESQL
        odoo = Odoo(Path(directory), database, {"REDIS_HOST": redis.host, "REDIS_PORT": str(redis.port)})
        for name, modules in DATABASES.items():
            if not odoo.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
                if name != PLAIN:
                    odoo.copy(name, PLAIN)
                odoo.install(name, modules)
        fill(redis, OTHER_KEYS)
        with odoo.serve(OURS) as site, odoo.serve(PLAIN) as plain, odoo.serve(ORIGINAL) as original:
            cases = asked(site)
            show(measured(cases, site.browser))
            show(measured(changed({"uncached": plain, "original": original, "hitrate": site})))
            show(["", "With pricelists:"])
            show(measured(cases, customers(site)))


def asked(site: Site) -> Cases:
    """Answers of the shop; each way in the same database."""
    admin = site.admin()
    category = admin.kw("product.public.category", "create", {"name": "Lamps"})
    products = make_products(admin, 100, name="Lamp", public_categ_ids=[(6, 0, [category])])
    # Few enough that all of them are warm.
    popular, api = products[:20], "/api/ecommerce/products"

    def ways(kind: str, ours: Callable[[int], str], **params: object) -> dict[str, Call]:
        def probe(way: str) -> Call:
            return lambda who: who.call(f"/probe/{way}/{kind}", product_id=random.choice(popular))

        return {
            "uncached": probe("uncached"),
            "original": probe("original"),
            "hitrate": lambda who: who.call(ours(random.choice(popular)), **params),
        }

    return {
        "list of 100": ways("list", lambda _: f"{api}/list/cached", limit=100),
        "details": ways("details", lambda product: f"{api}/{product}/cached"),
        "facets": ways("facets", lambda _: f"{api}/facets/cached"),
        "recommendations": ways("recommendations", lambda product: f"{api}/{product}/recommendations/cached"),
    }


def customers(site: Site) -> Callable[[], Browser]:
    """Visitors of a shop in which pricelists are switched on, who know theirs by their session."""
    admin = site.admin()
    switch_pricelists(admin, on=True)
    rule = {"applied_on": "3_global", "compute_price": "percentage", "percent_price": 50.0}
    values = {"selectable": True, "item_ids": [(0, 0, rule)]}
    chosen, _ = admin.kw("product.pricelist", "create", [{"name": name, **values} for name in ("One", "Another")])

    def come() -> Browser:
        visitor = site.browser()
        visitor.fetch(f"/shop/change_pricelist/{chosen}")
        return visitor

    return come


def changed(sites: dict[str, Site]) -> Cases:
    """The same call of the ORM on an Odoo without a cache, with the original's, and with ours."""
    ways: dict[str, Call] = {}
    for way, site in sites.items():
        admin = site.admin()
        product = make_products(admin, 1)[0]

        def change(_who: Browser | None, admin: Browser = admin, product: int = product) -> object:
            return admin.kw("product.template", "write", [product], {"list_price": float(random.randint(1, 99))})

        ways[way] = change
    return {"change of a product": ways}


def measured(cases: Cases, browser: Callable[[], Browser] | None = None) -> Iterator[str]:
    """Median milliseconds of one client, and median requests per second of several, of each way."""
    for title, ways in cases.items():
        alone: dict[str, list[float]] = {way: [] for way in ways}
        together: dict[str, list[float]] = {way: [] for way in ways}
        browsers = [browser() for _ in range(CLIENTS)] if browser else [None]
        for way in ways.values():
            # Of two workers, each knows by then what Odoo itself keeps in memory, and the cache what is asked for.
            for who in browsers * 30:
                way(who)
        for _ in range(ROUNDS):
            for way in random.sample(list(ways), len(ways)):
                began = time.perf_counter()
                for _ in range(REQUESTS):
                    ways[way](browsers[0])
                alone[way].append((time.perf_counter() - began) / REQUESTS * 1000)
                if browser:
                    together[way].append(_rate(browsers, ways[way]))
        for way in ways:
            rate = f"{statistics.median(together[way]):.0f}" if browser else ""
            low, middle, high = statistics.quantiles(alone[way], n=4)
            yield f"| {title} | {way} | {middle:.1f} | {low:.1f} to {high:.1f} | {rate} |"


def show(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _rate(browsers: list[Browser | None], call: Call) -> float:
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
