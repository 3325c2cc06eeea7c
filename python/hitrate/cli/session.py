"""What a command that uses one cache is given."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from hitrate import Cache
from hitrate.cli.output import Output
from hitrate.cli.target import Target


@dataclass(frozen=True)
class Session:
    """
    One run of a command.

    Attributes:
        target: the server.
        cache: that raises what goes wrong; closed afterwards.
        options: arguments of the command line.
        output: where to write.
    """

    target: Target
    cache: Cache
    options: Namespace
    output: Output


Command = Callable[[Session], int]
"""Runs, and returns the exit code."""
Run = Callable[[Target, Namespace, Output], int]
"""The same, before there is a cache."""


def with_cache(command: Command) -> Run:
    """Give a command a cache that is closed in the end."""

    def run(target: Target, options: Namespace, output: Output) -> int:
        cache = target.open()
        try:
            return command(Session(target, cache, options, output))
        finally:
            cache.close()

    return run
