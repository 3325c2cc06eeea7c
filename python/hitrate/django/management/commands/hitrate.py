"""``manage.py hitrate doctor [alias]``: examine the server of a cache, as the settings speak to it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError, default_key_func
from django.core.management.base import BaseCommand, CommandError

from hitrate.cli import exits
from hitrate.cli.doctor.command import add_arguments, doctor
from hitrate.cli.output import Output
from hitrate.cli.target import Target
from hitrate.django import conf
from hitrate.django.backend import RedisCache
from hitrate.exceptions import ConfigError


class Command(BaseCommand):
    """The command line's ``hitrate doctor``, with the server and the options of ``settings.CACHES``."""

    help = "Examine the server of a cache and the way to it, and say what to do."
    # It is run when something is wrong, and that may be what the checks would stop it for.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what the command takes; no subparsers, so that ``--settings`` may stand anywhere."""
        parser.add_argument("command", choices=["doctor"])
        parser.add_argument("alias", nargs="?", default="default", help="of the cache (default: default)")
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Examine, write the report, and exit with its code unless that is 0."""
        output = Output(self.stdout, self.stderr, is_plain=options["no_color"])
        try:
            code = doctor(_target(options["alias"]), Namespace(**options), output)
        except ConfigError as error:
            raise CommandError(f"CACHES['{options['alias']}']: {error}", returncode=exits.USAGE) from error
        if code:
            sys.exit(code)


def _target(alias: str) -> Target:
    try:
        backend = caches[alias]
    except InvalidCacheBackendError as error:
        raise CommandError(str(error), returncode=exits.USAGE) from error
    if not isinstance(backend, RedisCache):
        raise CommandError(
            f"CACHES['{alias}'] is a {type(backend).__name__}, and no cache of hitrate; name another alias",
            returncode=exits.USAGE,
        )
    params = settings.CACHES[alias]
    config = conf.read(params.get("LOCATION"), params)
    config.require_valid()
    key_function = {} if backend.key_func is default_key_func else {"key_function": backend.key_func}
    return Target(config.url, {**config.options, **key_function})
