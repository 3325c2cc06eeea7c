"""
What a session engine gets when its cache cannot be read.

Both engines of Django that use a cache (``django.contrib.sessions.backends.cache`` and ``cached_db``) catch whatever
``cache.get()`` raises and go on as if there were no session:

* ``cache`` then starts an empty session, and the middleware takes the cookie away: everybody who comes by while the
  server is away is logged out. So a read of its keys neither misses nor raises; it answers with an `UnreadableSession`,
  which raises as soon as the session is *used*. The cookie stays, the request fails, and the next one may succeed.
  A page that does not touch the session is served as always.
* ``cached_db`` has the session in the database as well, so for it a miss is right, and a failed write is not worth an
  error. But a write that did not reach the cache must not let an older session live on there: it becomes a delete,
  and the client remembers deletes until the server is back.

The client raises for both, because their keys are among its critical ones (see conf.py); here it is decided what the
engine sees of that.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn

from hitrate.exceptions import ServerError

# The prefixes of the keys, as the two engines have them in `KEY_PREFIX`. They are written down because the second
# engine's module imports models, which is impossible before Django's apps are ready.
CACHE_ENGINE_PREFIX = "django.contrib.sessions.cache"
CACHED_DB_ENGINE_PREFIX = "django.contrib.sessions.cached_db"


def read_failed(key: Any, default: Any, error: ServerError) -> Any:
    """
    Answer a read that failed: what the session engine of this key needs in order to log nobody out.

    Args:
        key: the key as the caller gave it, without prefix and version.
        default: what the caller wants for a miss.
        error: what went wrong.

    Returns:
        `default` for a ``cached_db`` session, an `UnreadableSession` for a ``cache`` session.

    Raises:
        ServerError: the same, for every other key.
    """
    if is_cached_db(key):
        return default
    if str(key).startswith(CACHE_ENGINE_PREFIX):
        return UnreadableSession(error)
    raise error


def do_without(key: Any, error: ServerError) -> bool:
    """Return False, for "no" or "not done", if the key is of a ``cached_db`` session; raise the error for any other."""
    if not is_cached_db(key):
        raise error
    return False


def is_cached_db(key: Any) -> bool:
    """Tell whether the key is of a session that is in the database, too."""
    return str(key).startswith(CACHED_DB_ENGINE_PREFIX)


class UnreadableSession(MutableMapping[str, Any]):
    """Stands for the data of a session that could not be read; every use of it raises the reason."""

    def __init__(self, error: ServerError) -> None:
        """
        Args:
            error: why the session could not be read.
        """
        self._error = error

    def _refuse(self, *_: Any) -> NoReturn:
        # Without the traceback of the last time, which would grow with each use.
        raise self._error.with_traceback(None)

    def __getitem__(self, key: str) -> Any:
        self._refuse()

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse()

    def __delitem__(self, key: str) -> None:
        self._refuse()

    def __iter__(self) -> Iterator[str]:
        self._refuse()

    def __len__(self) -> int:  # noqa: PLE0303 (it never returns)
        self._refuse()

    def __contains__(self, key: object) -> bool:
        self._refuse()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Were it pickled, a server that came back meanwhile would get it instead of the session.
        self._refuse()

    def __repr__(self) -> str:
        return f"<UnreadableSession: {self._error}>"
