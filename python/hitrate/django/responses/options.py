"""What was declared about the answers of a view, read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from hitrate.django.responses.identity import Aspect, aspect
from hitrate.django.responses.original import Original, require_shareable
from hitrate.django.switch import is_enabled
from hitrate.exceptions import ConfigError
from hitrate.http import Audience, Clients, Policy
from hitrate.http.fields import environ_key
from hitrate.lease import Rules

Values: TypeAlias = Literal["native", "original"] | Original
Tags: TypeAlias = Iterable[str] | Callable[..., Iterable[str]]


@dataclass(frozen=True)
class Options:
    """
    See `hitrate.django.cache_api_response`, whose arguments these are.

    Attributes:
        aspects: what the key tells requesters apart by; None: the user.
        enabled: whether answers are read and kept at this moment.
        original: how old code keeps these answers, which it is to share; None: in our own form only.
    """

    key_prefix: str
    rules: Rules
    policy: Policy
    shared: bool = False
    aspects: tuple[Aspect, ...] | None = None
    params: frozenset[str] | None = None
    tags: tuple[str, ...] | Callable[..., Iterable[str]] = ()
    cache: str = "default"
    max_age: int | None = None
    s_maxage: int | None = None
    enabled: Callable[[], bool] = is_enabled
    original: Original | None = None

    @cached_property
    def concerns(self) -> frozenset[str]:
        """Where a WSGI environment has the headers that the rules of HTTP look for."""
        return frozenset(map(environ_key, self.policy.concerns))


def read(
    *,
    timeout: float,
    key_prefix: str,
    shared: bool,
    vary_on: Iterable[Any] | Callable[[Any], object],
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
    cache: str,
    values: Values,
    enabled: Callable[[], bool] | None,
) -> Options:
    """
    Read the arguments of the decorator.

    Raises:
        ConfigError: one that cannot be meant, by its name.
    """
    several = (vary_on,) if isinstance(vary_on, str) or callable(vary_on) else vary_on
    aspects = tuple(aspect(one) for one in several)
    if isinstance(params, str):
        raise ConfigError(f"params is the text {params!r}; use a list of names")
    if isinstance(tags, str):
        tags = (tags,)
    if s_maxage is not None and not shared:
        raise ConfigError("s_maxage is for caches that everybody shares; say shared=True, or leave it out")
    original = _original(values)
    if original is not None:
        require_shareable(
            shared=shared,
            varies=bool(aspects),
            tags=tags,
            keeps_stale=max(stale, stale_on_error) > 0,
            statuses=frozenset(statuses),
            key_prefix=key_prefix,
        )
    audience: Audience = "shared" if shared else "identified"
    return Options(
        key_prefix=key_prefix,
        rules=Rules(timeout, stale, stale_on_error, lease, wait, jitter),
        policy=Policy(timeout, audience, frozenset(statuses), max_body_bytes, clients),
        shared=shared,
        aspects=aspects or None,
        params=None if params is None else frozenset(params),
        tags=tags if callable(tags) else tuple(tags),
        cache=cache,
        max_age=max_age,
        s_maxage=s_maxage,
        enabled=is_enabled if enabled is None else (lambda: is_enabled() and enabled()),
        original=original,
    )


def _original(values: Values) -> Original | None:
    if isinstance(values, Original):
        return values
    if values == "native":
        return None
    if values == "original":
        raise ConfigError(
            "values='original' needs a layout that knows the original; use the cache_api_response of "
            "hitrate.layouts.nalar or of hitrate.layouts.django_ecommerce"
        )
    raise ConfigError(f"values is {values!r}; use 'native' or 'original'")
