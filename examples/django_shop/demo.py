"""
Show what the cache does for a shop: real requests over HTTP to gunicorn, with and without it.

    python examples/django_shop/demo.py              measure, prove, end
    SERVE=1 python examples/django_shop/demo.py      and go on serving until Ctrl-C

HITRATE_URL names the cache server (default: memory://, a store embedded in the shop, which then has one worker
instead of two), DATABASE_URL the database (default: SQLite in a temporary directory). Exit code 0 means that all of it
was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

try:
    import rich.progress
    from demonstration import measure, proof, report
    from demonstration.processes import DemoError, Shop, environment_for, manage, serving
    from shop.database import database_from_url

    from hitrate.exceptions import HitrateError
    from hitrate.testing import Endpoint
except ImportError as missing:
    sys.exit(f"demo failed: {missing}; run 'make build', or install hitrate and the packages named in README.md")

MEASURE_SECONDS = 25.0
SCHEMES = ("memory://", "redis://", "rediss://", "unix://", "valkey://", "valkeys://")


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ExitStack() as stack:
            _run(options, stack)
    except (DemoError, HitrateError) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo interrupted", file=sys.stderr)
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--rounds", type=int, default=60, help="requests per endpoint, each way (default: 60)")
    parser.add_argument("--products", type=int, default=5000, help="size of the catalogue (default: 5000)")
    parser.add_argument("--seed", type=int, default=7, help="which catalogue (default: 7)")
    options = parser.parse_args()
    if options.rounds < measure.LEAST_ROUNDS or options.products < 1:
        parser.error(f"--rounds must be at least {measure.LEAST_ROUNDS} and --products at least 1")
    return options


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hitrate-shop-")))
    cache_url = _cache_server()
    # Workers do not share what is embedded in each.
    embedded = cache_url.startswith("memory://")
    workers = 1 if embedded else 2
    database_url = os.environ.get("DATABASE_URL") or f"sqlite:///{directory / 'shop.sqlite3'}"
    try:
        database_from_url(database_url)
    except ValueError as error:
        raise DemoError(str(error)) from error
    # A prefix of its own: the server may be one where a shop lives.
    prefix = f"ecommerce-demo-{secrets.token_hex(4)}"
    with_cache = environment_for(cache_url, prefix, database_url, cached=True)
    without_cache = environment_for(cache_url, prefix, database_url, cached=False)

    catalogue = _fill(with_cache, options)
    stack.callback(manage, with_cache, "clear_shop_cache")
    _say("starting two shops under gunicorn, one with its cache and one without ...")
    cached = stack.enter_context(serving(with_cache, directory / "cached.log", workers=workers))
    with serving(without_cache, directory / "uncached.log", workers=workers) as plain, _bar("requests") as tick:
        endpoints = measure.measure(plain, cached, rounds=options.rounds, seconds=MEASURE_SECONDS, tick=tick)
    if embedded:
        set_price = stack.enter_context(proof.set_price_by_request(cached, with_cache))
    else:
        set_price = proof.set_price_in_another_process(with_cache)
    result = {
        "cache": {"server": _address(cache_url)},
        "catalogue": catalogue,
        "endpoints": [endpoint.result() for endpoint in endpoints],
        "totals": _totals(endpoints),
        "change": proof.change_shows_at_once(cached, set_price),
        "session": proof.session_stays(cached),
        "cache_counters": proof.cache_counters(cached),
    }
    print(json.dumps(result, indent=2)) if options.json else report.show(result)
    if os.environ.get("SERVE", "0") not in {"", "0"}:
        _keep_serving(cached, endpoints)


def _cache_server() -> str:
    """The URL of the server to use: that of HITRATE_URL, which must answer, or the embedded store."""
    url = os.environ.get("HITRATE_URL") or "memory://"
    if not url.startswith(SCHEMES):
        raise DemoError("HITRATE_URL names no cache server; write it like redis://127.0.0.1:6379/1")
    try:
        if not url.startswith("memory://"):
            Endpoint(url).execute("PING")
    except OSError as error:
        raise DemoError(f"the cache server of HITRATE_URL, {_address(url)}, does not answer: {error}") from error
    return url


def _fill(environment: dict[str, str], options: argparse.Namespace) -> str:
    """Migrate, and make a catalogue where there is none; returns what the shop has to offer."""
    manage(environment, "migrate", "--verbosity=0")
    count = "from catalogue.models import Product; print(Product.objects.count())"
    if (present := int(manage(environment, "shell", "--verbosity=0", "-c", count))) == 0:
        catalogue = manage(
            environment, "generate_catalogue", f"--products={options.products}", f"--seed={options.seed}"
        )
    else:
        catalogue = f"{present:,} products that were there before"
    _say(f"catalogue: {catalogue}")
    return catalogue


def _totals(endpoints: list[measure.Endpoint]) -> dict[str, Any]:
    return {
        "cached_requests": sum(len(endpoint.cached_ms) for endpoint in endpoints),
        "queries_avoided": sum(endpoint.queries_avoided for endpoint in endpoints),
        "median_ratio": round(median(endpoint.result()["ratio"] for endpoint in endpoints), 1),
    }


@contextmanager
def _bar(name: str) -> Iterator[Any]:
    """A progress bar on stderr, drawn on a terminal only; yields a function that takes the finished share."""
    if not sys.stderr.isatty():
        _say(f"{name}: up to {MEASURE_SECONDS:.0f} s ...")
    with rich.progress.Progress(
        console=report.console(stderr=True), disable=not sys.stderr.isatty(), transient=True
    ) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _keep_serving(shop: Shop, endpoints: list[measure.Endpoint]) -> None:
    for endpoint in endpoints:
        _say(f"{shop.url}{endpoint.path}")
    _say(f"{shop.url}/api/cart/\n{shop.url}/debug/cache/\nserving until Ctrl-C")
    try:
        while True:
            shop.must_live()
            time.sleep(0.5)
    except KeyboardInterrupt:
        _say("stopping")


def _address(url: str) -> str:
    """Where a server is, without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return url
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def _say(text: str) -> None:
    """Tell what is going on, on stderr: stdout is for the result."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
