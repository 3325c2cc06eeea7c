"""Reading an entry of a database, or computing and keeping it: what `cached` and controllers are made of."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from hitrate._native import Lease
from hitrate.exceptions import SerializationError
from hitrate.http.text import bounded, escaped
from hitrate.invalidation import NATIVE_SUFFIX
from hitrate.lease import Found, Made, Place, Rules, run
from hitrate.odoo.clients import cache_of
from hitrate.odoo.commit import bypasses, has_written, let_read_only, tag_of, tag_of_key
from hitrate.odoo.parts import declared_context, key_parts
from hitrate.odoo.requests import reading
from hitrate.odoo.settings import Settings, settings_of
from hitrate.odoo.signals import hears_signals
from hitrate.odoo.snapshots import has_changed_rows, snapshot_age

if TYPE_CHECKING:
    from odoo.api import Environment

_logger = logging.getLogger(__name__)
# SQLSTATE of what PostgreSQL refuses in a transaction for reading alone.
_READ_ONLY = "25006"


class Answer(NamedTuple):
    """
    What was asked for.

    Attributes:
        value: as JSON gives it back: keys of maps are texts, and there are lists in place of tuples.
        was_cached: whether it was in the cache, or was computed by another one meanwhile.
    """

    value: Any
    was_cached: bool


def remember(
    env: Environment,
    key: str,
    compute: Callable[[Environment], Any],
    *,
    ttl: float,
    vary: Iterable[str],
    below: str = "",
    tags: Iterable[str] = (),
    stale: float = 0,
    skip: Callable[[Any], bool] | None = None,
    own_cursor: bool = True,
) -> Answer:
    """
    Return what stands in the cache, or compute and keep it.

    One call computes, of all workers that ask at a time. What was computed from an older state of the database than
    the last invalidation is not kept; nor is what a transaction computes that changed what it is made from.

    With a cursor of its own, `compute` reads a snapshot that is taken after the lease, so that whatever is forgotten
    since voids the fill. With the caller's, whose snapshot is older, PostgreSQL is asked by how much, and the fill is
    refused unless it is known that nothing was forgotten since then; for the first entry with a tag it is not.

    A transaction that has changed anything computes with its own cursor, and keeps nothing; it still reads entries with
    tags that it did not forget. So does a test of Odoo, which does not even read, unless ``redis.in_tests`` is on; and
    nothing is kept while modules are being installed or upgraded, nor what is made of something of the request of
    which `vary` does not tell, such as the cart.

    Args:
        env: of the call.
        key: as a layout spells it, ``"product:api:5"``; the entry stands below it, at ``{key}:{parts}:h1``.
        compute: makes the value, which JSON can hold, in the environment that it is given. Of the context, that holds
            what `vary` names alone.
        ttl: seconds for which it is fresh.
        vary: what it depends on besides the key: see `hitrate.odoo.cached`.
        below: tells entries of one key apart that are to be forgotten together, by that key.
        tags: names by which it is forgotten, beside its key.
        stale: seconds after `ttl` in which it is still returned while one call computes it anew.
        skip: tells of a value that it is not to be kept.
        own_cursor: whether `compute` is given an environment with a cursor of its own when what it returns is kept;
            what it changes there is refused by PostgreSQL, and it is called again with the caller's.

    Raises:
        ConfigError: an unknown name in `vary`, or more than 63 tags.
        SerializationError: a value that JSON cannot hold.
    """
    vary, declared = tuple(vary), tuple(tags)
    # What the key says is read from what `compute` will see, and from nothing else.
    env = env(context=declared_context(env, vary))
    make_value = _value_of(compute, skip, key, vary)
    if not env.registry.ready:
        # Modules that are being installed or upgraded hold locks, for which a cursor of its own would wait for ever.
        return Answer(make_value(env)[0], was_cached=False)
    settings = settings_of(env)
    is_in_use = settings.is_enabled and (settings.in_tests or not _is_in_a_test())
    place = _place(env, key, below, vary, declared)
    if not is_in_use or bypasses(env.cr, place.key, place.tags) or (has_written(env.cr) and not declared):
        return Answer(make_value(env)[0], was_cached=False)
    entry = place.look()
    if entry is not None and entry.fresh_for > 0:
        return Answer(entry.value, was_cached=True)
    if has_written(env.cr) or (not _is_in_a_test() and has_changed_rows(env.cr)):
        # Another cursor would not see it, and others must not see what this one computes.
        return Answer(make_value(env)[0], was_cached=False)
    rules = Rules(ttl, stale=stale)

    def make(lease: Lease | None) -> Made[Any]:
        if lease is None:
            value, is_kept = make_value(env)
            return Made(value, may_be_stored=is_kept and not has_written(env.cr))
        (value, is_kept), older_by = _computed(env, key, make_value, settings, own_cursor=own_cursor)
        if has_written(env.cr):
            _say_why_not(key, "changes data, which is done at every call")
            return Made(value, may_be_stored=False)
        if older_by is None or not is_kept or bypasses(env.cr, place.key, place.tags):
            return Made(value, may_be_stored=False)
        return Made(value, was_stored=place.keep_value(lease, value, rules.times(older_by=older_by)))

    outcome = run(place, rules, entry, make, _is_failure)
    if isinstance(outcome, Found):
        return Answer(outcome.entry.value, was_cached=True)
    return Answer(outcome.result, was_cached=False)


def _place(env: Environment, key: str, below: str, vary: Iterable[str], tags: Iterable[str]) -> Place:
    database = env.cr.dbname
    names = (*(tag_of(database, tag) for tag in tags), tag_of_key(database, key))
    parts = key_parts(env, vary) + (f":{bounded(escaped(below))}" if below else "")
    return Place(cache_of(env), f"{key}:{parts}{NATIVE_SUFFIX}", names)


def _value_of(
    compute: Callable[[Environment], Any], skip: Callable[[Any], bool] | None, key: str, vary: tuple[str, ...]
) -> Callable[[Environment], tuple[Any, bool]]:
    """Compute; return the value as a hit would give it, and whether it is to be kept."""

    def make_value(env: Environment) -> tuple[Any, bool]:
        with reading(env, vary) as untold:
            value = compute(env)
        if skip is not None and skip(value):
            return value, False
        if untold:
            _say_why_not(key, f"read {', '.join(sorted(untold))}, of which its key does not tell")
        return _as_kept(value), not untold

    return make_value


@lru_cache(maxsize=256)
def _say_once(what: str, why: str) -> None:
    _logger.warning("%r is not kept: what computes it %s", what, why)


def _say_why_not(key: str, why: str) -> None:
    # Once for each kind of key, without ids and arguments.
    kind = takewhile(lambda part: part and not any(map(str.isdigit, part)), key.split(":", 2)[:2])
    _say_once(":".join(kind)[:100], why)


def _as_kept(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        name = type(value).__name__
        raise SerializationError(f"a value of type {name} cannot be stored as JSON; return what it can hold") from error


def _computed(
    env: Environment,
    key: str,
    make_value: Callable[[Environment], tuple[Any, bool]],
    settings: Settings,
    *,
    own_cursor: bool,
) -> tuple[tuple[Any, bool], float | None]:
    """The value, whether it is to be kept, and how much older than the lease what it was made from may be."""
    if not own_cursor:
        # Asked first, which begins the transaction if nothing has: a lease is not older than that.
        older_by = snapshot_age(env.cr, settings.replica_lag)
        if older_by is not None and not _is_in_a_test() and not hears_signals(env.registry, env.cr):
            older_by = None
        # What the request has computed before was made of the request, too.
        env.invalidate_all()
        return make_value(env), older_by
    if _is_in_a_test() and not _is_seen_by_others(env.cr):
        return make_value(env), None
    try:
        # For reading and writing, because those for reading alone may be of a replica, which lags.
        cr = env.registry.cursor()
    except Exception:  # noqa: BLE001 (the driver's own errors: a pool that is full must not cost the caller the answer)
        return make_value(env), None
    with closing(cr):
        try:
            made = _read_only(env(cr=cr), make_value)
        except Exception as error:
            if not has_written(cr) and getattr(error, "pgcode", None) != _READ_ONLY:
                raise
        else:
            # Whoever is refused may think nothing of it.
            if not has_written(cr):
                return made
    # What it changes belongs to the caller's transaction.
    _say_why_not(key, "changes data, which is done at every call")
    return make_value(env), None


def _read_only(
    env: Environment, make_value: Callable[[Environment], tuple[Any, bool]]
) -> tuple[tuple[Any, bool], float | None]:
    """Compute on a cursor that is thrown away, and so must not change anything."""
    if _is_in_a_test():
        return make_value(env), 0.0
    let_read_only(env.cr)
    is_heard = hears_signals(env.registry, env.cr)
    made = make_value(env)
    env.flush_all()
    return made, 0.0 if is_heard else None


def _is_in_a_test() -> bool:
    from odoo.modules import module

    return bool(getattr(module, "current_test", None))


def _is_seen_by_others(cr: Any) -> bool:
    """Whether a cursor that a test opens now would see what this one has changed, which is never committed."""
    # A request that a test makes has a cursor of this class, and so have all that are opened meanwhile.
    return type(cr).__name__ == "TestCursor"


def _is_failure(_error: Exception) -> bool:
    return True
