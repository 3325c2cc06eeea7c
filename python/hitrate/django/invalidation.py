"""
Forgetting once the database has committed.

Django stops running what was given to ``on_commit`` at the first of it that raises. What is to be forgotten stands in
the same list, so that Django itself drops it with the transaction or savepoint that is rolled back; but it is done by
``commit()`` of the connection, before anything else that waits there. Only connections in which something was
collected are given such a ``commit()``.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hitrate import hooks
from hitrate.django.naming import native
from hitrate.invalidation import Forgetting, forget

Target = tuple[str, Any]
"""Alias of a cache, and version of its keys."""
Collected = dict[Target, Forgetting]

# Where the state of a connection is kept: on the connection, so that it ends with it.
_ATTRIBUTE = "_hitrate_collecting"


class _Thread(threading.local):
    """
    What this thread has to do with.

    Attributes:
        collecting: connections in which something was collected, and perhaps rolled back since.
    """

    def __init__(self) -> None:
        self.collecting: list[Collecting] = []


_thread = _Thread()
# The same connections, of all threads, by address: those of a thread that ends go with it.
_anywhere: dict[int, weakref.ref[Collecting]] = {}


def invalidate_cache(
    pattern: str | Iterable[str], *, cache: str = "default", version: Any = None, using: str | None = DEFAULT_DB_ALIAS
) -> int | None:
    """
    Forget what stands under the keys that match: after the commit, or at once if no transaction is open.

    Args:
        pattern: a glob (``* ? [abc] \\``) for keys without prefix and version, or several. Text of users must be
            escaped by `hitrate.escape_glob`, or their ``*`` forgets everything. Sessions, and what else is critical to
            the cache, go by a pattern that names them only: ``"django.contrib.sessions*"``.
        cache: alias of the cache.
        version: of the keys.
        using: alias of the database whose commit is awaited; None: forget now.

    Returns:
        How many keys were deleted; None if that is not known yet: it waits for the commit, or for the server.

    Raises:
        ServerError: the server is away, the cache has ``ON_ERROR = "raise"``, and no transaction is open.
    """
    patterns = (pattern,) if isinstance(pattern, str) else pattern
    return collect(Forgetting.of(patterns=patterns), cache=cache, version=version, using=using)


def invalidate_keys(
    *keys: str, cache: str = "default", version: Any = None, using: str | None = DEFAULT_DB_ALIAS
) -> int | None:
    """Forget what stands under these keys, and the entries below them; otherwise as `invalidate_cache`."""
    return collect(Forgetting.of(keys=keys), cache=cache, version=version, using=using)


def invalidate_tags(
    *tags: str, cache: str = "default", version: Any = None, using: str | None = DEFAULT_DB_ALIAS
) -> int | None:
    """Forget every entry that has one of these tags; return how many tags, otherwise as `invalidate_cache`."""
    return collect(Forgetting.of(tags=tags), cache=cache, version=version, using=using)


# In the thread of the transaction, which is that of Django's synchronous code.
ainvalidate_cache = sync_to_async(invalidate_cache)
ainvalidate_keys = sync_to_async(invalidate_keys)
ainvalidate_tags = sync_to_async(invalidate_tags)


def collect(what: Forgetting, *, cache: str, version: Any, using: str | None) -> int | None:
    """Forget once the transaction of the database `using` is committed; now if none is open, or `using` is None."""
    caches[cache]  # an alias that does not exist is an error of whoever named it, not of the commit
    connection = None if using is None else connections[using]
    if connection is None or not is_in_transaction(connection):
        return forget_in(cache, version, what)
    _collecting(connection).collect((cache, version), what)
    return None


def pending(using: str | None = None) -> dict[str, Forgetting]:
    """
    Return what the open transactions of this thread have collected, by alias of the cache.

    Args:
        using: alias of a database; None: all of them.
    """
    found: dict[str, Forgetting] = {}
    for collecting in _unfinished():
        if using is None or collecting.connection.alias == using:
            for (cache, _), what in collecting.collected().items():
                found.setdefault(cache, Forgetting()).add(what)
    return found


def bypasses(key: str, tags: Iterable[str] = ()) -> bool:
    """
    Tell whether an open transaction of this thread has changed what an entry was made from.

    Such an entry must be neither served, for it is older than what this request wrote, nor filled, for what it wrote
    may be rolled back.

    Args:
        key: of the entry.
        tags: that it has, or would have.
    """
    # The path of every hit. To look whether any thread has collected something takes a tenth of asking for this one.
    return bool(_anywhere) and _is_affected(key, tags)


def _is_affected(key: str, tags: Iterable[str]) -> bool:
    return any(what.affects(key, tags) for collecting in _unfinished() for what in collecting.collected().values())


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a transaction is open, or autocommit is off; opens no connection."""
    return connection.in_atomic_block or (connection.connection is not None and not connection.autocommit)


class Collecting:
    """What the transaction that is open in a connection has collected."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        """
        Args:
            connection: whose ``commit()`` forgets from now on.
        """
        self.connection = connection
        # The lists of what waits, as they were when this was counted, and when the hook was put into one.
        self._counted: Any = None
        self._collected: Collected = {}
        self._filled: Any = None
        self._hook: _Hook | None = None
        _forget_at_commit(connection, self)

    def collect(self, target: Target, what: Forgetting) -> None:
        """Remember this for the commit, unless the savepoint that is now the innermost is rolled back."""
        # Django puts another list in place of this one at every rollback, to a savepoint too.
        waiting = self.connection.run_on_commit
        savepoints = set(self.connection.savepoint_ids)
        if self._hook is None or waiting is not self._filled or self._hook.savepoints != savepoints:
            self._hook, self._filled = _Hook(self, savepoints), waiting
        # Again and again, though it is one hook: `captureOnCommitCallbacks` of Django's TestCase looks only at what was
        # added since it began.
        waiting.append(self._hook.entry)
        self._hook.collected.setdefault(target, Forgetting()).add(what)
        if waiting is self._counted:
            # Else all is counted when somebody asks: at every rollback, each would take longer than the one before.
            self._collected.setdefault(target, Forgetting()).add(what)
        if self not in _thread.collecting:
            _thread.collecting.append(self)
        address = id(self)
        if address not in _anywhere:
            _anywhere[address] = weakref.ref(self, lambda _: _anywhere.pop(address, None))

    def collected(self) -> Collected:
        """Return all that would be forgotten now."""
        waiting = self.connection.run_on_commit
        if waiting is not self._counted:
            self._counted = waiting
            self._collected = _merged(_hooks_in(list[Any](waiting)))
        return self._collected

    def forget(self, *, is_done: bool) -> None:
        """
        Forget all of it, in one go. Never raises.

        Args:
            is_done: whether the data was committed; if not, it is forgotten once more when that happens.
        """
        waiting: list[Any] = list(self.connection.run_on_commit)
        if is_done:
            self.connection.run_on_commit = [entry for entry in waiting if not isinstance(entry[1], _Hook)]
            _no_longer(self)
        _forget_all(_merged(_hooks_in(waiting)))

    def recount(self) -> None:
        """Look again at what is waiting: some of it was done."""
        self._counted = None


class _Hook:
    """What was collected under the same savepoints, as it stands among what Django does after a commit."""

    def __init__(self, owner: Collecting, savepoints: set[Any]) -> None:
        self.savepoints = savepoints
        self.collected: Collected = {}
        # As `on_commit` writes it, which refuses this where autocommit is off. Robust: never a reason to stop.
        self.entry: Any = (savepoints, self, True)
        self._owner = owner

    def __call__(self) -> None:
        """Forget, where Django calls it: in tests that look at callbacks instead of committing."""
        collected, self.collected = self.collected, {}
        self._owner.recount()
        _forget_all(collected)


def _collecting(connection: BaseDatabaseWrapper) -> Collecting:
    found: Collecting | None = vars(connection).get(_ATTRIBUTE)
    if found is None:
        found = Collecting(connection)
        vars(connection)[_ATTRIBUTE] = found
    return found


def _forget_at_commit(connection: BaseDatabaseWrapper, collecting: Collecting) -> None:
    commit = connection.commit

    def commit_and_forget() -> None:
        try:
            commit()
        except BaseException:
            # It may have been done, if its answer was lost, or be tried again. In an atomic block it was only refused.
            if not connection.in_atomic_block:
                collecting.forget(is_done=False)
            raise
        collecting.forget(is_done=True)

    vars(connection)["commit"] = commit_and_forget


def _unfinished() -> Iterator[Collecting]:
    """Yield the connections of this thread in which something waits."""
    for collecting in list(_thread.collecting):
        if collecting.collected():
            yield collecting
        else:
            _no_longer(collecting)


def _no_longer(collecting: Collecting) -> None:
    _anywhere.pop(id(collecting), None)
    if collecting in _thread.collecting:
        _thread.collecting.remove(collecting)


def _hooks_in(waiting: Iterable[Any]) -> list[_Hook]:
    """Return our hooks, each once."""
    return list({id(entry[1]): entry[1] for entry in waiting if isinstance(entry[1], _Hook)}.values())


def _merged(found: Iterable[_Hook]) -> Collected:
    merged: Collected = {}
    for hook in found:
        for target, what in hook.collected.items():
            merged.setdefault(target, Forgetting()).add(what)
    return merged


def _forget_all(collected: Collected) -> None:
    for (cache, version), what in collected.items():
        _forget_or_say(cache, version, what)


def _forget_or_say(cache: str, version: Any, what: Forgetting) -> None:
    try:
        forget_in(cache, version, what)
    except Exception as error:  # noqa: BLE001 (the data is committed, and whoever committed must not fail)
        hooks.unforgotten(cache, str(error))


def forget_in(cache: str, version: Any, what: Forgetting) -> int | None:
    """Forget now; in a cache that is none of ours, what it can forget."""
    backend = caches[cache]
    client = native(backend)
    if client is not None:
        return forget(client, what, version)
    if isinstance(backend, DummyCache):
        return 0
    if what.patterns or what.tags:
        hooks.unforgotten(
            cache, f"a {type(backend).__name__} knows neither patterns nor tags; use hitrate.django.RedisCache"
        )
    backend.delete_many(what.keys, version=version)
    return None
