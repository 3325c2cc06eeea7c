"""``manage.py hitrate warmup``: run the functions that the project registered to fill its caches."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from typing import Any

from hitrate.cli import exits
from hitrate.cli.commands import add_json
from hitrate.cli.output import Output
from hitrate.cli.timing import duration
from hitrate.django.warmers import warmers
from hitrate.exceptions import ConfigError

logger = logging.getLogger("hitrate")


def add_arguments(parser: ArgumentParser) -> None:
    """Add which of them."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="of warmers (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="only name them")
    add_json(parser)


def warmup(options: Namespace, output: Output) -> int:
    """Run them one after the other; one that fails does not keep the next from running."""
    known = warmers()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise ConfigError(f"no warmer is called '{unknown[0]}'; known are: {', '.join(known) or 'none'}")
    chosen = {name: known[name] for name in options.names or known}
    reports = [{"name": name} if options.dry_run else _run(name, call, output) for name, call in chosen.items()]
    if options.json:
        output.json({"dry_run": options.dry_run, "warmers": reports})
    elif not reports:
        output.line("no warmer is registered")
    else:
        for report in reports:
            output.line(_line(report))
    return exits.PROBLEM if any("error" in report for report in reports) else exits.FINE


def _run(name: str, call: Callable[[], Any], output: Output) -> dict[str, Any]:
    began = time.perf_counter()
    report: dict[str, Any] = {"name": name, "entries": None}
    with output.progress(f"warming {name}", None) as advance:
        try:
            done = call()
            if isinstance(done, Iterator):
                report["entries"] = 0
                for _ in done:
                    report["entries"] += 1
                    advance(1)
            elif isinstance(done, int):
                report["entries"] = done
        except Exception as error:
            logger.exception("warmer '%s' failed", name)
            report["error"] = f"{type(error).__name__}: {error}"
    report["seconds"] = round(time.perf_counter() - began, 6)
    return report


def _line(report: dict[str, Any]) -> str:
    name = report["name"]
    if "seconds" not in report:
        return f"{name} would run"
    took = duration(report["seconds"])
    if "error" in report:
        return f"{name} failed after {took}: {report['error']}"
    if report["entries"] is None:
        return f"{name} ran in {took}"
    entries = "1 entry" if report["entries"] == 1 else f"{report['entries']:,} entries"
    return f"{name} filled {entries} in {took}"
