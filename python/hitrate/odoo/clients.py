"""One client per process and database, made anew when the settings change; the client itself is safe to fork."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from hitrate.cache import Cache
from hitrate.odoo.settings import Settings, settings_of

if TYPE_CHECKING:
    from odoo.api import Environment

# By database and options.
_clients: dict[tuple[Any, ...], tuple[Settings, Cache]] = {}
_making = threading.Lock()


def cache_of(env: Environment | None, **options: Any) -> Cache:
    """
    Return the cache of a database; without one that of the process, which has no parameters.

    Args:
        env: of the database.
        options: of `hitrate.Cache`, such as another ``db`` of the server; each set of them is a client of its own.
    """
    settings = settings_of(env)
    name = (None if env is None else env.cr.dbname, *sorted(options.items()))
    found = _clients.get(name)
    if found is not None and found[0] == settings:
        return found[1]
    with _making:
        found = _clients.get(name)
        if found is None or found[0] != settings:
            if found is not None:
                found[1].close()
            found = _clients[name] = settings, _made(settings, options)
    return found[1]


def _made(settings: Settings, options: dict[str, Any]) -> Cache:
    chosen = {"prefix": settings.prefix, "ttl": 3600, "timeout": settings.timeout, **options}
    return Cache(settings.url, **chosen)
