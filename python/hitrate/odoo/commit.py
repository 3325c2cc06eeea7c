"""
Forgetting once the transaction of a cursor is committed.

What is to be forgotten is collected in ``cr.postcommit``, which Odoo empties at a rollback. Odoo stops at the first
hook that raises, so ours stands before all others. A rollback to a savepoint leaves it there: then too much is
forgotten, and nothing too little.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hitrate import hooks
from hitrate.invalidation import Forgetting, forget
from hitrate.odoo.clients import cache_of, owe
from hitrate.odoo.signals import signal_caches

if TYPE_CHECKING:
    from odoo.api import Environment

    from hitrate.cache import Cache

_logger = logging.getLogger(__name__)
_KEY = "hitrate.forgetting"
_WRITTEN = "hitrate.written"
_READS_ONLY = "hitrate.reads_only"


def invalidate(
    env: Environment, pattern: str | Iterable[str] = (), *, keys: Iterable[str] = (), tags: Iterable[str] = ()
) -> None:
    """
    Forget once the transaction of this environment is committed, and nothing if it is rolled back.

    All that one transaction collects is forgotten in one go; tags cost one round trip, however many they are, keys
    another one, and patterns a walk over all keys of the server.
    Until then its own calls of `cached` functions that are affected neither read nor fill the cache. Never raises over
    the server: what cannot be forgotten now is written down and made up for.

    Args:
        env: whose cursor commits.
        pattern: a glob (``* ? [abc] \\``) for keys, or several. Text of users must be escaped by `hitrate.escape_glob`.
        keys: as `hitrate.odoo.remember` was given them: the entries below, and plain values that stand there.
        tags: names, of this database alone.
    """
    cr = env.cr
    patterns = (pattern,) if isinstance(pattern, str) else pattern
    wanted = Forgetting.of(patterns=patterns, keys=keys, tags=[tag_of(cr.dbname, tag) for tag in tags])
    found = cr.postcommit.data.get(_KEY)
    if found is None:
        found = cr.postcommit.data[_KEY] = Forgetting()
        # The cache is found now: after the commit, to read a parameter would begin another transaction.
        _before_others(cr.postcommit, _Hook(cache_of(env), cr, env.registry))
    found.add(wanted)


def bypasses(cr: Any, key: str, tags: Iterable[str] = ()) -> bool:
    """
    Tell whether the open transaction of a cursor has changed what an entry is made from.

    Args:
        cr: the cursor.
        key: of the entry.
        tags: that it has, as the cache knows them: see `tag_of`.
    """
    found: Forgetting | None = cr.postcommit.data.get(_KEY)
    return found is not None and found.affects(key, tags)


class ChangeRefusedError(Exception):
    """What is computed for the cache changes a record, which the one who called for it does then instead."""


def note_written(cr: Any) -> None:
    """
    Note that the open transaction of a cursor has changed records; Odoo forgets it as it does what is collected.

    Raises:
        ChangeRefusedError: the cursor is for reading alone. PostgreSQL refuses it, too, but Odoo logs that as an error.
    """
    cr.postcommit.data[_WRITTEN] = True
    if _READS_ONLY in cr.postcommit.data:
        raise ChangeRefusedError("a method that is kept changes data; it is called again, and nothing is kept")


def let_read_only(cr: Any) -> None:
    """Have whoever changes anything with a cursor be refused."""
    cr.execute("SET TRANSACTION READ ONLY")
    cr.postcommit.data[_READS_ONLY] = True


def has_written(cr: Any) -> bool:
    """Tell whether the open transaction of a cursor has changed records, as far as `CacheMixin` was told."""
    return _WRITTEN in cr.postcommit.data


def tag_of(database: str, tag: str) -> str:
    """A tag as the server knows it: two databases on one server never forget each other's entries."""
    return f"{database}:{tag}"


def tag_of_key(database: str, key: str) -> str:
    """The tag of all entries below one key, whomever they are for; no name of a database is empty."""
    return f":{database}:{key}"


def forget_keys(env: Environment, keys: Iterable[str]) -> bool:
    """
    Forget keys at once, whatever becomes of the transaction: two round trips, however many other keys there are.

    Args:
        env: of the database.
        keys: as `hitrate.odoo.remember` was given them: the entries below, and plain values that stand there.

    Returns:
        Whether it is done; False while the server is away, which is then made up for.
    """
    return _forget(cache_of(env), env.cr.dbname, Forgetting(keys=set(keys)))


def _forget(cache: Cache, database: str, what: Forgetting) -> bool:
    # Plain values stand at the keys themselves. To look for what is below would be a walk over all keys.
    of_keys = {tag_of_key(database, key) for key in what.keys}
    owe(cache, what)
    done = forget(cache, Forgetting(patterns=what.patterns, tags=what.tags | of_keys))
    deleted = cache.delete_many(what.exact()) if what.keys else 0
    return done is not None and deleted is not None


class _Hook:
    """What Odoo calls after the commit."""

    __slots__ = ("_cache", "_cr", "_registry")

    def __init__(self, cache: Cache, cr: Any, registry: Any) -> None:
        self._cache, self._cr, self._registry = cache, cr, registry

    def __call__(self) -> None:
        what: Forgetting | None = self._cr.postcommit.data.pop(_KEY, None)
        if not what:
            return
        try:
            # First, so that whoever computes anew because of what is forgotten sees that its ORM cache is old.
            signal_caches(self._registry)
        except Exception:
            # The driver's own errors; Odoo will signal by itself, and tell of a failure.
            _logger.debug("the caches of %s could not be signalled yet", self._cr.dbname, exc_info=True)
        try:
            _forget(self._cache, self._cr.dbname, what)
        except Exception as error:  # noqa: BLE001 (the data is committed, and whoever committed must not fail)
            hooks.unforgotten(self._cr.dbname, str(error))


def _before_others(callbacks: Any, hook: _Hook) -> None:
    """Put a hook first: one before it that raises would keep it from running."""
    waiting = getattr(callbacks, "_funcs", None)
    if isinstance(waiting, deque):
        waiting.appendleft(hook)
    else:
        callbacks.add(hook)
