"""Where the cache is: system parameters, then the environment, then ``odoo.conf``, then the defaults."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from odoo.api import Environment

# Of the configuration file; its keys are those of the environment without REDIS_, in lower case.
SECTION = "redis"
_NAMES = (
    "url",
    "host",
    "port",
    "db",
    "password",
    "prefix",
    "timeout",
    "enabled",
    "replica_lag",
    "old_workers",
    "in_tests",
)
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
_OFF = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Where the cache is, and how it is used.

    Attributes:
        url: of the server, with user, password and database.
        prefix: in front of every key; empty: none, as the original systems have it.
        timeout: seconds for one round trip.
        is_enabled: whether entries are read and stored. Invalidation goes on in any case.
        is_configured: whether anybody said where the server is; otherwise it is looked for on localhost.
        replica_lag: by how many seconds a replica of PostgreSQL may be behind; None: nobody said, and nothing that was
            read from one is stored.
        has_old_workers: whether workers with other code still read and delete keys of a known system.
        in_tests: whether tests of Odoo read and store, too, though what they do is rolled back.
        problem: what of it cannot be used and where that was said, never with a password; None: nothing.
    """

    url: str = field(repr=False)
    prefix: str = ""
    timeout: float = 0.5
    is_enabled: bool = True
    is_configured: bool = False
    replica_lag: float | None = None
    has_old_workers: bool = False
    in_tests: bool = False
    problem: str | None = None


def read(get_param: Callable[[str], str | None], environ: Mapping[str, str], section: Mapping[str, str]) -> Settings:
    """
    Read the settings.

    Args:
        get_param: the value of a system parameter, ``redis.host`` for example; false: there is none.
        environ: the environment: ``REDIS_HOST``, ``REDIS_PORT``, ... and ``HITRATE_ENABLED``.
        section: ``[redis]`` of the configuration file.
    """
    found: dict[str, str] = {}
    said: dict[str, str] = {}
    for name in _NAMES:
        for where, value in (
            (f"redis.{name}", get_param(f"redis.{name}")),
            (f"REDIS_{name.upper()}", environ.get(f"REDIS_{name.upper()}")),
            (f"[{SECTION}] {name}", section.get(name)),
        ):
            if value:
                found[name], said[name] = str(value).strip(), where
                break
    numbers, problem = _numbers(found, said)
    return Settings(
        url=found.get("url") or _url(found),
        prefix=found.get("prefix", ""),
        timeout=numbers.get("timeout", 0.5),
        is_enabled=environ.get("HITRATE_ENABLED", "1").lower() not in _OFF
        and found.get("enabled", "1").lower() not in _OFF,
        is_configured=bool(found.get("url") or found.get("host")),
        replica_lag=numbers.get("replica_lag"),
        has_old_workers=found.get("old_workers", "0").lower() not in _OFF,
        in_tests=found.get("in_tests", "0").lower() not in _OFF,
        problem=problem,
    )


def _numbers(found: Mapping[str, str], said: Mapping[str, str]) -> tuple[dict[str, float], str | None]:
    """What is to be a number, and what is wrong with the first that is none."""
    numbers: dict[str, float] = {}
    problem = None
    for name in ("timeout", "replica_lag", *(() if "url" in found else ("port", "db"))):
        if name not in found:
            continue
        if _NUMBER.fullmatch(found[name]):
            numbers[name] = float(found[name])
        else:
            problem = problem or f"{said[name]} is {found[name]!r:.50}, which is no number"
    return numbers, problem


def _url(found: Mapping[str, str]) -> str:
    password = f":{quote(found['password'], safe='')}@" if "password" in found else ""
    host = found.get("host", "localhost")
    return (
        f"redis://{password}{f'[{host}]' if ':' in host else host}:{found.get('port', '6379')}/{found.get('db', '0')}"
    )


def settings_of(env: Environment | None) -> Settings:
    """
    Tell the settings of a database, as they are now; without one those of the process, which have no parameters.

    They are kept where Odoo keeps what it reads of system parameters, so that a changed parameter is seen by every
    worker at its next request, as Odoo's own are.

    Args:
        env: of the database; whoever uses it need not be allowed to read parameters.
    """
    if env is None:
        return read(lambda _: None, os.environ, _section())
    parameters = env["ir.config_parameter"].sudo()
    # In the cache that a change of a parameter clears, whatever this version of Odoo calls it.
    found: Settings = _remembered(parameters._get_param.__cache__.cache_name)(parameters)  # noqa: SLF001 (Odoo's own)
    return found


@lru_cache(maxsize=4)
def _remembered(cache: str) -> Callable[[Any], Any]:
    """A method of ``ir.config_parameter`` that Odoo's own cache stands before."""
    from odoo.tools import ormcache

    def hitrate_settings(self: Any) -> Settings:
        return read(self.get_param, os.environ, _section())

    remembered: Callable[[Any], Any] = ormcache(cache=cache)(hitrate_settings)
    return remembered


@lru_cache(maxsize=1)
def _section() -> Mapping[str, str]:
    """``[redis]`` of the file that Odoo was started with."""
    from odoo.tools import config

    # Odoo 19 calls it so; before, it was an attribute, which 19 warns about.
    path = config.options.get("config") or vars(config).get("rcfile")
    parser = configparser.RawConfigParser()
    parser.read([path] if path else [], encoding="utf-8")
    return dict(parser[SECTION]) if parser.has_section(SECTION) else {}
