"""The arguments that several commands share."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any, NoReturn

from hitrate import ConfigError
from hitrate.cli import exits
from hitrate.cli.target import Target

VARIABLES = ("HITRATE_URL", "REDIS_URL")


class Parser(ArgumentParser):
    """argparse, with our exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(exits.USAGE, f"{self.prog}: {message}\n")


def count(given: str) -> int:
    """Read a whole number of at least 1."""
    if not given.isdecimal() or int(given) < 1:
        raise ArgumentTypeError(f"'{given[:100]}' is no whole number of at least 1")
    return int(given)


def seconds(given: str) -> float:
    """Read a positive number of seconds."""
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise ArgumentTypeError(f"'{given[:100]}' is no positive number of seconds")
    return found


def add_target(parser: ArgumentParser) -> None:
    """Add what says which server, and how it is spoken to."""
    group = parser.add_argument_group("server")
    # An argument is seen by everybody who may run `ps`, so the help names the variables first.
    group.add_argument(
        "--url", help=f"of the server; better in {' or '.join(VARIABLES)}, if it holds a password: ps shows arguments"
    )
    group.add_argument("--prefix", help="first part of every key")
    group.add_argument("--layout", choices=("plain", "django"), help="of keys: prefix:key, or prefix:version:key")
    group.add_argument(
        "--key-version", dest="version", metavar="VERSION", help="of keys, in layout django (default: 1)"
    )
    group.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for one round trip (default: 0.5)")


def target_of(options: Namespace) -> Target:
    """
    Return the server that the arguments, else the environment, name.

    Raises:
        ConfigError: none is named.
    """
    url = options.url or next((os.environ[name] for name in VARIABLES if os.environ.get(name)), None)
    if url is None:
        raise ConfigError(f"no server is named; set {' or '.join(VARIABLES)}, or give --url redis://localhost:6379/0")
    names = ("prefix", "layout", "version", "timeout", "serializer")
    given: dict[str, Any] = {name: getattr(options, name, None) for name in names}
    return Target(url, {name: value for name, value in given.items() if value is not None})
