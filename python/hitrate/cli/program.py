"""The program ``hitrate``: its commands, and how it ends."""

from __future__ import annotations

import io
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence

from hitrate import HitrateError, __version__
from hitrate.cli import exits
from hitrate.cli.arguments import Parser, add_target, count, seconds, target_of
from hitrate.cli.bench import bench
from hitrate.cli.clear import clear
from hitrate.cli.doctor.command import add_arguments, doctor
from hitrate.cli.look import get, keys, ping, stats, ttl
from hitrate.cli.output import Output
from hitrate.cli.session import Run, with_cache

EXITS = """\
exit codes: 0 fine; 1 warnings, with --strict, or no such key; 2 problems, or the server refused; 3 the server gave no
answer; 64 wrong usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    Args:
        arguments: without the name of the program; None: those of this process.

    Returns:
        The exit code; `hitrate.cli.exits` has them.
    """
    _prepare()
    options = _parser().parse_args(arguments)
    output = Output(sys.stdout, sys.stderr)
    try:
        code: int = options.run(target_of(options), options, output)
        sys.stdout.flush()
    except HitrateError as error:
        output.complain(f"hitrate {options.command}: {error}")
        return exits.of_error(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        # Whoever read this has seen enough (`| head`). Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.BROKEN_PIPE
    return code


def _prepare() -> None:
    # What is logged is what the commands say themselves.
    logger = logging.getLogger("hitrate")
    if not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no `µ` gets an escape, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> ArgumentParser:
    parser = Parser(prog="hitrate", description="Examine a cache and look into it.", epilog=EXITS)
    parser.add_argument("--version", action="version", version=f"hitrate {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Run, help_text: str) -> ArgumentParser:
        found: ArgumentParser = commands.add_parser(name, help=help_text, description=help_text, epilog=EXITS)
        add_target(found)
        found.set_defaults(run=run)
        return found

    add_arguments(add("doctor", doctor, "examine a server and the way to it, and say what to do"))
    _add_looking(add)
    found = add("clear", with_cache(clear), "delete the keys that match")
    found.add_argument("pattern", nargs="?", default="*", help="glob for keys without the prefix (default: all)")
    found.add_argument("--yes", action="store_true", help="do not ask")
    found.add_argument("--dry-run", action="store_true", help="only count")
    found = add("bench", with_cache(bench), "time get, set, get_many and set_many")
    found.add_argument("--count", type=count, default=5000, metavar="N", help="calls of each (default: 5000)")
    found.add_argument("--seconds", type=seconds, default=5.0, metavar="S", help="for each at most (default: 5)")
    found.add_argument("--size", type=count, default=1000, metavar="BYTES", help="of a value (default: 1000)")
    found.add_argument("--many", type=count, default=100, metavar="N", help="keys of a get_many (default: 100)")
    _add_json(found)
    return parser


def _add_looking(add: Callable[[str, Run, str], ArgumentParser]) -> None:
    found = add("ping", with_cache(ping), "time round trips")
    found.add_argument("--count", type=count, default=10, metavar="N", help="round trips (default: 10)")
    _add_json(found)
    _add_json(add("stats", with_cache(stats), "tell what the server says of itself"))
    found = add("keys", with_cache(keys), "list keys, without the prefix, as they are found")
    found.add_argument("pattern", nargs="?", default="*", help="glob for keys without the prefix (default: all)")
    found.add_argument("--limit", type=count, metavar="N", help="end after so many")
    _add_json(found)
    found = add("get", with_cache(get), "show a value, its form and size")
    found.add_argument("key", help="without the prefix")
    found.add_argument("--unpickle", action="store_true", help="read pickles, too, which runs what they say")
    found.add_argument("--serializer", default="pickle", help="with which --unpickle reads (default: pickle)")
    _add_json(found)
    found = add("ttl", with_cache(ttl), "tell how long a value still lives")
    found.add_argument("key", help="without the prefix")
    _add_json(found)


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="write JSON")
