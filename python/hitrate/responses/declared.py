"""What was declared about the answers of a view, in every framework."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from hitrate.exceptions import ConfigError
from hitrate.http import Audience, Clients, Policy
from hitrate.lease import MAX_TAGS, Rules

Tags: TypeAlias = Iterable[str] | Callable[..., Iterable[str]]

_CREDENTIALS = frozenset({"cookie", "authorization"})
# What tells of a request, and not of who asks.
_NO_ASKER = frozenset({"host", "language"})


@dataclass(frozen=True)
class Declared:
    """
    What holds for every answer of a view.

    Attributes:
        key_prefix: first part of the keys.
        rules: how long answers are good.
        policy: which are stored, and who may be given them.
        shared: everybody may be.
        told: whose an answer is for those who keep it on the way: one that is told apart by more than the URL and what
            `Vary` names is its asker's, although others like him get it from here.
        covered: headers that what tells askers apart stands for: an answer that says it varies on others of these is
            not stored.
        params: query parameters that matter; None: all do.
        tags: names by which answers are forgotten, or a function that returns them.
        max_age: seconds for which clients may keep the answer without asking.
        s_maxage: the same for caches between.
    """

    key_prefix: str
    rules: Rules
    policy: Policy
    told: Audience
    shared: bool = False
    covered: frozenset[str] = _CREDENTIALS
    params: frozenset[str] | None = None
    tags: tuple[str, ...] | Callable[..., Iterable[str]] = ()
    max_age: int | None = None
    s_maxage: int | None = None


def declare(
    *,
    ttl: float,
    key_prefix: str,
    audience: Audience,
    vary_on: Iterable[Any],
    params: Collection[str] | None,
    tags: Tags,
    stale: float,
    stale_on_error: float,
    statuses: Collection[int],
    max_body_bytes: int,
    clients: Clients,
    max_age: int | None,
    s_maxage: int | None,
    lease: float,
    wait: float,
    jitter: float,
) -> Declared:
    """
    Read what was declared.

    Args:
        vary_on: what tells askers apart, as the project says; the others as the decorators have them.

    Raises:
        ConfigError: a value that cannot be meant, by its name.
    """
    if isinstance(params, str):
        raise ConfigError(f"params is the text {params!r}; use a list of names")
    if not callable(tags):
        tags = (tags,) if isinstance(tags, str) else tuple(tags)
        if len(tags) > MAX_TAGS:
            raise ConfigError(
                f"tags names {len(tags)}, and an answer may have {MAX_TAGS}; forget what is many by one of them"
            )
    aspects = tuple(vary_on)
    if s_maxage is not None and (audience != "shared" or aspects):
        raise ConfigError(
            "s_maxage is for caches that everybody shares; say shared=True, without vary_on, or leave it out"
        )
    return Declared(
        key_prefix=key_prefix,
        rules=Rules(ttl, stale, stale_on_error, lease, wait, jitter),
        policy=Policy(ttl, audience, frozenset(statuses), max_body_bytes, clients),
        told="identified" if audience == "shared" and aspects else audience,
        shared=audience == "shared",
        covered=frozenset().union(*map(_covered_by, aspects)) if aspects else _CREDENTIALS,
        params=None if params is None else frozenset(params),
        tags=tags,
        max_age=max_age,
        s_maxage=s_maxage,
    )


def _covered_by(aspect: object) -> frozenset[str]:
    """The credentials that a member of ``vary_on`` stands for: all, where it names those who ask."""
    if not isinstance(aspect, str):
        return _CREDENTIALS
    family, colon, name = aspect.partition(":")
    if not colon:
        return frozenset() if aspect in _NO_ASKER else _CREDENTIALS
    # Of cookies, HTTP can name them all only.
    return frozenset({"cookie" if family == "cookie" else name.lower()}) & _CREDENTIALS
