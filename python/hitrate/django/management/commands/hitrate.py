"""``manage.py hitrate COMMAND``: look into the caches of the settings, and into the rules of the project."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hitrate.cli import exits
from hitrate.cli.commands import COMMANDS, Entry
from hitrate.cli.output import Output
from hitrate.cli.session import with_cache
from hitrate.django.console import explain, invalidate, warmup
from hitrate.django.console.target import target_of
from hitrate.exceptions import ConfigError, HitrateError

ON_A_CACHE = (
    *COMMANDS,
    Entry(
        "invalidate",
        with_cache(invalidate.invalidate),
        "forget keys with the entries below them, patterns and tags",
        invalidate.add_arguments,
    ),
)
OTHERS: dict[str, tuple[Callable[[Namespace, Output], int], str, Callable[[ArgumentParser], None]]] = {
    "warmup": (warmup.warmup, "run the registered warmers", warmup.add_arguments),
    "explain": (explain.explain, "say what saving an instance would forget, and by which rule", explain.add_arguments),
}


class Command(BaseCommand):
    """The command line's ``hitrate``, with the servers and options of ``settings.CACHES``."""

    help = "Look into a cache, forget, fill it, and say what rules say."
    # It is run when something is wrong, and that may be what the checks would stop it for.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the commands."""
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for entry in ON_A_CACHE:
            found = commands.add_parser(entry.name, help=entry.help, description=entry.help)
            if entry.name == "doctor":
                found.add_argument("alias", nargs="?", default="default", help="of the cache (default: default)")
                found.add_argument("--alias", dest="named", help="the same")
            else:
                found.add_argument("--alias", default="default", help="of the cache (default: default)")
            entry.add_arguments(found)
            _add_base_arguments(found)
        for name, (_, help_text, add_arguments) in OTHERS.items():
            found = commands.add_parser(name, help=help_text, description=help_text)
            add_arguments(found)
            _add_base_arguments(found)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run one, and exit with its code unless that is 0."""
        output = Output(self.stdout, self.stderr, is_plain=options["no_color"])
        try:
            code = _run(options, output)
        except HitrateError as error:
            raise CommandError(str(error), returncode=exits.of_error(error)) from error
        if code:
            sys.exit(code)


def _add_base_arguments(parser: ArgumentParser) -> None:
    """Let Django's own options stand behind the command as well."""
    for name in ("--settings", "--pythonpath"):
        parser.add_argument(name, default=SUPPRESS, help=SUPPRESS)
    for name in ("--traceback", "--no-color", "--force-color"):
        parser.add_argument(name, action="store_true", default=SUPPRESS, help=SUPPRESS)
    parser.add_argument("-v", "--verbosity", type=int, default=SUPPRESS, help=SUPPRESS)


def _run(options: dict[str, Any], output: Output) -> int:
    given = Namespace(**options)
    other = OTHERS.get(given.command)
    if other is not None:
        return other[0](given, output)
    alias = options.get("named") or given.alias
    run = next(entry.run for entry in ON_A_CACHE if entry.name == given.command)
    try:
        return run(target_of(alias), given, output)
    except ConfigError as error:
        raise ConfigError(f"CACHES['{alias}']: {error}") from error
