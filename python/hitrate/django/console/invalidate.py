"""``manage.py hitrate invalidate``: forget keys, patterns and tags by hand."""

from __future__ import annotations

from argparse import ArgumentParser

from hitrate.cli import exits
from hitrate.cli.commands import add_json
from hitrate.cli.session import Session
from hitrate.cli.timing import counted
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting


def add_arguments(parser: ArgumentParser) -> None:
    """Add what is to be forgotten."""
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="glob for keys without the prefix")
    parser.add_argument(
        "--key", action="append", default=[], metavar="KEY", help="and the entries below it; repeatable"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="repeatable")
    parser.add_argument("--dry-run", action="store_true", help="only count")
    add_json(parser)


def invalidate(run: Session) -> int:
    """Forget, without asking: what is forgotten is computed again."""
    options = run.options
    what = Forgetting.of(patterns=options.patterns, keys=options.key, tags=options.tag)
    if not what:
        raise ConfigError("nothing to forget is named; give patterns, --key or --tag")
    if options.dry_run:
        count = _matching(run, what)
    else:
        with run.output.progress("forgetting", None):
            count = (run.cache.invalidate(options.patterns, keys=options.key, tags=options.tag) or 0) - len(what.tags)
    if options.json:
        named = {"keys": sorted(what.keys), "patterns": sorted(what.patterns), "tags": sorted(what.tags)}
        run.output.json({**named, "dry_run": options.dry_run, "keys_found": count, "tags_found": len(what.tags)})
    else:
        would = "would be forgotten" if options.dry_run else "forgotten"
        run.output.line(f"{counted(count, 'key')} and {counted(len(what.tags), 'tag')} {would} at {run.target.address}")
    return exits.FINE


def _matching(run: Session, what: Forgetting) -> int:
    found = {key for key in what.keys if run.cache.has(key)}
    with run.output.progress("counting keys", None) as advance:
        for glob in what.globs():
            for key in run.cache.iter_keys(glob):
                found.add(key)
                advance(1)
    return len(found)
