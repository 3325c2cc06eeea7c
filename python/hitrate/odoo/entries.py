"""Reading an entry of a database, or computing and keeping it: what `cached` and controllers are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from hitrate._native import Lease
from hitrate.invalidation import NATIVE_SUFFIX
from hitrate.lease import Found, Made, Place, Rules, run
from hitrate.odoo.clients import cache_of
from hitrate.odoo.commit import bypasses, tag_of
from hitrate.odoo.parts import declared_context, key_parts
from hitrate.odoo.settings import Settings, settings_of
from hitrate.odoo.signals import hears_signals
from hitrate.odoo.snapshots import snapshot_age

if TYPE_CHECKING:
    from odoo.api import Environment


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

    Args:
        env: of the call.
        key: as a layout spells it, ``"product:api:5"``; the entry stands below it, at ``{key}:{parts}:h1``.
        compute: makes the value, which JSON can hold, in the environment that it is given. Of the context, that holds
            what `vary` names alone.
        ttl: seconds for which it is fresh.
        vary: what it depends on besides the key: see `hitrate.odoo.cached`.
        tags: names by which it is forgotten.
        stale: seconds after `ttl` in which it is still returned while one call computes it anew.
        skip: tells of a value that it is not to be kept.
        own_cursor: whether `compute` is given an environment with a cursor of its own when what it returns is kept.
    """
    settings = settings_of(env)
    vary = tuple(vary)
    # What the key says is read from what `compute` will see, and from nothing else.
    env = env(context=declared_context(env, vary))
    place = _place(env, key, vary, tags)
    if not settings.is_enabled or bypasses(env.cr, place.key, place.tags):
        return Answer(compute(env), was_cached=False)
    entry = place.look()
    if entry is not None and entry.fresh_for > 0:
        return Answer(entry.value, was_cached=True)
    rules = Rules(ttl, stale=stale)

    def make(lease: Lease | None) -> Made[Any]:
        if lease is None:
            return Made(compute(env), may_be_stored=False)
        value, older_by = _computed(env, compute, settings, own_cursor=own_cursor)
        if older_by is None or bypasses(env.cr, place.key, place.tags) or (skip is not None and skip(value)):
            return Made(value, may_be_stored=False)
        return Made(value, was_stored=place.keep_value(lease, value, rules.times(older_by=older_by)))

    outcome = run(place, rules, entry, make, _is_failure)
    if isinstance(outcome, Found):
        return Answer(outcome.entry.value, was_cached=True)
    return Answer(outcome.result, was_cached=False)


def forget_entry(env: Environment, key: str, vary: Iterable[str]) -> bool | None:
    """Delete one entry now; tell whether there was one, None if the server is away."""
    return _place(env, key, vary, ()).forget()


def _place(env: Environment, key: str, vary: Iterable[str], tags: Iterable[str]) -> Place:
    names = tuple(tag_of(env.cr.dbname, tag) for tag in tags)
    return Place(cache_of(env), f"{key}:{key_parts(env, vary)}{NATIVE_SUFFIX}", names)


def _computed(
    env: Environment, compute: Callable[[Environment], Any], settings: Settings, *, own_cursor: bool
) -> tuple[Any, float | None]:
    """The value, and how much older than the lease what it was made from may be."""
    if not own_cursor:
        # Asked first, which begins the transaction if nothing has: a lease is not older than that.
        older_by = snapshot_age(env.cr, settings.replica_lag)
        if older_by is not None and not _is_in_a_test(env) and not hears_signals(env.registry, env.cr):
            older_by = None
        return compute(env), older_by
    if _is_in_a_test(env):
        return compute(env), None
    try:
        # For reading and writing, because those for reading alone may be of a replica, which lags.
        cr = env.registry.cursor()
    except Exception:  # noqa: BLE001 (the driver's own errors: a pool that is full must not cost the caller the answer)
        return compute(env), None
    with closing(cr):
        is_heard = hears_signals(env.registry, cr)
        return compute(env(cr=cr)), 0.0 if is_heard else None


def _is_in_a_test(env: Environment) -> bool:
    """Whether the caller is a test whose data no other cursor sees, for it is never committed."""
    from odoo.modules import module

    # A request that a test makes has a cursor of this class, and so have all that are opened meanwhile.
    return bool(getattr(module, "current_test", None)) and type(env.cr).__name__ != "TestCursor"


def _is_failure(_error: Exception) -> bool:
    return True
