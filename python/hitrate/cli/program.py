"""The program ``hitrate``: its commands, and how it ends."""

from __future__ import annotations

import io
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from hitrate import HitrateError, __version__
from hitrate.cli import exits
from hitrate.cli.arguments import Parser, add_target, target_of
from hitrate.cli.commands import COMMANDS
from hitrate.cli.output import Output

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

    for entry in COMMANDS:
        found = commands.add_parser(entry.name, help=entry.help, description=entry.help, epilog=EXITS)
        add_target(found)
        entry.add_arguments(found)
        found.set_defaults(run=entry.run)
    return parser
