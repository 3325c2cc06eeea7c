"""One native client per cache and process, shared by all the backend objects that Django makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.cache.backends.base import default_key_func
from django.core.signals import setting_changed

from hitrate.cache import Cache
from hitrate.django import conf
from hitrate.django.patterns import KeyFunction

# Django makes a backend object per thread and per async context, and drops it with them. The connections must not go
# with it, so the clients are kept here, by their settings, until the settings change.
_clients: dict[str, Cache] = {}


def client_of(
    location: Any, params: Mapping[str, Any], key_function: KeyFunction, validate_key: Callable[[str], None]
) -> Cache:
    """
    Return the client of these settings, which opens no connection before its first use.

    Args:
        location: ``LOCATION`` of the cache.
        params: its other settings.
        key_function: spells keys; Django's default is done by the client itself.
        validate_key: called with each key that memcached would refuse.

    Raises:
        ConfigError: the settings cannot be used; says all that is wrong.
    """
    # Classes and functions in settings live as long as the settings do, so their addresses tell them apart.
    # One that belongs to a backend object does not, and whichever object comes first validates for all of its class.
    validating = getattr(validate_key, "__func__", validate_key)
    identity = repr((location, sorted(params.items()), key_function, validating))
    found = _clients.get(identity)
    if found is None:
        config = conf.read(location, params)
        config.require_valid()
        own = None if key_function is default_key_func else key_function
        made = Cache(config.url, **config.options, key_function=own, validate_key=validate_key)
        # No lock, which a fork could find taken. Of two threads that come at once, one made its client in vain.
        found = _clients.setdefault(identity, made)
    return found


def forget(*, setting: str, **_: Any) -> None:
    """Drop the clients of settings that no longer hold. Whoever still uses one keeps it."""
    if setting == "CACHES" or setting.startswith("DJANGO_REDIS_"):
        _clients.clear()


setting_changed.connect(forget, dispatch_uid="hitrate.django.clients")
