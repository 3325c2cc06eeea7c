"""The commands on one cache: what they take, and what they run. ``manage.py hitrate`` has the same."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass

from hitrate.cli.arguments import count, seconds
from hitrate.cli.bench import bench
from hitrate.cli.clear import clear
from hitrate.cli.doctor.command import add_arguments as add_doctor
from hitrate.cli.doctor.command import doctor
from hitrate.cli.look import get, keys, ping, stats, ttl
from hitrate.cli.session import Run, with_cache


@dataclass(frozen=True)
class Entry:
    """
    One command.

    Attributes:
        name: as it is called.
        run: does it.
        help: one line.
        add_arguments: adds what it takes, besides the server.
    """

    name: str
    run: Run
    help: str
    add_arguments: Callable[[ArgumentParser], None]


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="write JSON")


def add_pattern(parser: ArgumentParser) -> None:
    """Add the pattern of keys."""
    parser.add_argument("pattern", nargs="?", default="*", help="glob for keys without the prefix (default: all)")


def _add_ping(parser: ArgumentParser) -> None:
    parser.add_argument("--count", type=count, default=10, metavar="N", help="round trips (default: 10)")
    add_json(parser)


def _add_keys(parser: ArgumentParser) -> None:
    add_pattern(parser)
    parser.add_argument("--limit", type=count, metavar="N", help="end after so many")
    parser.add_argument("--long", action="store_true", help="tell kind, size and lifetime of each, which asks for each")
    add_json(parser)


def _add_get(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="without the prefix")
    parser.add_argument("--unpickle", action="store_true", help="read pickles, too, which runs what they say")
    parser.add_argument("--serializer", default="pickle", help="with which --unpickle reads (default: pickle)")
    add_json(parser)


def _add_ttl(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="without the prefix")
    add_json(parser)


def _add_clear(parser: ArgumentParser) -> None:
    add_pattern(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only count")
    add_json(parser)


def _add_bench(parser: ArgumentParser) -> None:
    parser.add_argument("--count", type=count, default=5000, metavar="N", help="calls of each (default: 5000)")
    parser.add_argument("--seconds", type=seconds, default=5.0, metavar="S", help="for each at most (default: 5)")
    parser.add_argument("--size", type=count, default=1000, metavar="BYTES", help="of a value (default: 1000)")
    parser.add_argument("--many", type=count, default=100, metavar="N", help="keys of a get_many (default: 100)")
    add_json(parser)


COMMANDS = (
    Entry("doctor", doctor, "examine a server and the way to it, and say what to do", add_doctor),
    Entry("ping", with_cache(ping), "time round trips", _add_ping),
    Entry("stats", with_cache(stats), "tell what the server says of itself", add_json),
    Entry("keys", with_cache(keys), "list keys, without the prefix, as they are found", _add_keys),
    Entry("get", with_cache(get), "show a value, or an answer: its form, size, headers, age, tags", _add_get),
    Entry("ttl", with_cache(ttl), "tell how long a value still lives", _add_ttl),
    Entry("clear", with_cache(clear), "delete the keys that match", _add_clear),
    Entry("bench", with_cache(bench), "time get, set, get_many and set_many", _add_bench),
)
