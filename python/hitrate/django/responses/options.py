"""What was declared about the answers of a view, read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any, Literal, TypeAlias

from hitrate.django.responses.identity import Aspect, aspect
from hitrate.django.responses.original import Original, require_shareable
from hitrate.django.switch import is_enabled
from hitrate.exceptions import ConfigError
from hitrate.http import Clients
from hitrate.http.fields import environ_key
from hitrate.responses import Declared, Tags, declare

_OF_USERS = ("user", "group", "groups")

Values: TypeAlias = Literal["native", "original"] | Original


@dataclass(frozen=True)
class Options(Declared):
    """
    See `hitrate.django.cache_api_response`, whose arguments these are.

    Attributes:
        aspects: what the key tells requesters apart by; None: the user.
        by_user: by what is known of users alone, the user or his groups.
        enabled: whether answers are read and kept at this moment.
        original: how old code keeps these answers, which it is to share; None: in our own form only.
    """

    aspects: tuple[Aspect, ...] | None = None
    by_user: bool = True
    cache: str = "default"
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
    several = (vary_on,) if isinstance(vary_on, str) or callable(vary_on) else tuple(vary_on)
    aspects = tuple(aspect(one) for one in several)
    declared = declare(
        ttl=timeout,
        key_prefix=key_prefix,
        audience="shared" if shared else "identified",
        vary_on=several,
        params=params,
        tags=tags,
        stale=stale,
        stale_on_error=stale_on_error,
        statuses=statuses,
        max_body_bytes=max_body_bytes,
        clients=clients,
        max_age=max_age,
        s_maxage=s_maxage,
        lease=lease,
        wait=wait,
        jitter=jitter,
    )
    original = _original(values)
    if original is not None:
        require_shareable(
            shared=shared,
            varies=bool(aspects),
            tags=declared.tags,
            keeps_stale=max(stale, stale_on_error) > 0,
            statuses=declared.policy.statuses,
            key_prefix=key_prefix,
        )
    return Options(
        **{field.name: getattr(declared, field.name) for field in fields(declared)},
        aspects=aspects or None,
        by_user=not several or any(name in several for name in _OF_USERS),
        cache=cache,
        enabled=partial(is_enabled, cache) if enabled is None else (lambda: is_enabled(cache) and enabled()),
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
