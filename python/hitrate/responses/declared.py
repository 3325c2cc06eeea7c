"""What was declared about the answers of a view, in every framework."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hitrate.exceptions import ConfigError
from hitrate.http import Audience, Clients, Policy
from hitrate.lease import Rules

Tags: TypeAlias = Iterable[str] | Callable[..., Iterable[str]]


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
    params: frozenset[str] | None = None
    tags: tuple[str, ...] | Callable[..., Iterable[str]] = ()
    max_age: int | None = None
    s_maxage: int | None = None


def declare(
    *,
    ttl: float,
    key_prefix: str,
    audience: Audience,
    is_told_apart: bool,
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
        is_told_apart: askers are told apart by what the project says (``vary_on``); the others as the decorators have
            them.

    Raises:
        ConfigError: a value that cannot be meant, by its name.
    """
    if isinstance(params, str):
        raise ConfigError(f"params is the text {params!r}; use a list of names")
    if isinstance(tags, str):
        tags = (tags,)
    if s_maxage is not None and (audience != "shared" or is_told_apart):
        raise ConfigError(
            "s_maxage is for caches that everybody shares; say shared=True, without vary_on, or leave it out"
        )
    return Declared(
        key_prefix=key_prefix,
        rules=Rules(ttl, stale, stale_on_error, lease, wait, jitter),
        policy=Policy(ttl, audience, frozenset(statuses), max_body_bytes, clients),
        told="identified" if audience == "shared" and is_told_apart else audience,
        shared=audience == "shared",
        params=None if params is None else frozenset(params),
        tags=tags if callable(tags) else tuple(tags),
        max_age=max_age,
        s_maxage=s_maxage,
    )
