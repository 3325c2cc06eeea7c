"""One client per process and database, made anew when the settings change; the client itself is safe to fork."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from hitrate import hooks
from hitrate.cache import Cache
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting, forget
from hitrate.odoo.settings import Settings, settings_of

if TYPE_CHECKING:
    from odoo.api import Environment

_logger = logging.getLogger(__name__)
# Where nobody listens: a server that is away, which is what settings that cannot be used come to.
_NOWHERE = "unix:///settings-of-redis-that-cannot-be-used"


class _Made(NamedTuple):
    """
    A client.

    Attributes:
        settings: that it was made of.
        cache: the client.
        owed: what the server was not told to forget, because the settings cannot be used.
        is_usable: whether they can.
    """

    settings: Settings
    cache: Cache
    owed: Forgetting
    is_usable: bool


# By database and options.
_clients: dict[tuple[Any, ...], _Made] = {}
_making = threading.Lock()


def cache_of(env: Environment | None, **options: Any) -> Cache:
    """
    Return the cache of a database; without one that of the process, which has no parameters.

    Where the settings cannot be used it is one whose server is away, and a line in the log says why. What is to be
    forgotten meanwhile, this process makes up for when they can be used again.

    Args:
        env: of the database.
        options: of `hitrate.Cache`, such as another ``db`` of the server; each set of them is a client of its own.
    """
    settings = settings_of(env)
    name = (None if env is None else env.cr.dbname, *sorted(options.items()))
    found = _clients.get(name)
    if found is not None and found.settings == settings:
        return found.cache
    with _making:
        found = _clients.get(name)
        if found is None or found.settings != settings:
            made = _made(settings, options)
            if found is not None:
                found.cache.close()
                made = _made_up(made, found.owed, str(name[0]))
            found = _clients[name] = made
    return found.cache


def owe(cache: Cache, what: Forgetting) -> None:
    """Note what was to be forgotten, for the client that comes after one whose settings cannot be used."""
    for made in list(_clients.values()):
        if made.cache is cache and not made.is_usable:
            made.owed.add(what)


def _made(settings: Settings, options: dict[str, Any]) -> _Made:
    chosen = {"prefix": settings.prefix, "ttl": 3600, "timeout": settings.timeout, **options}
    problem = settings.problem
    if problem is None:
        try:
            return _Made(settings, Cache(settings.url, **chosen), Forgetting(), is_usable=True)
        except ConfigError as error:
            problem = str(error)
    _logger.error(
        "nothing is cached, for the settings of Redis cannot be used: %s; mend the system parameter redis.*, the "
        "variable REDIS_* or the section [redis] in odoo.conf that says so",
        problem,
    )
    return _Made(settings, Cache(_NOWHERE), Forgetting(), is_usable=False)


def _made_up(made: _Made, owed: Forgetting, database: str) -> _Made:
    if not owed or not made.is_usable:
        made.owed.add(owed)
        return made
    try:
        forget(made.cache, owed)
    except Exception as error:  # noqa: BLE001 (whoever asks for a client need not know of what others changed)
        hooks.unforgotten(database, str(error))
    return made
