"""The clients that cached answers are read with."""

from __future__ import annotations

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from hitrate.cache import Cache
from hitrate.django.naming import native

# By alias. Each look for one of Django's backend objects, which it makes per thread and task, takes 0.7 µs.
_clients: dict[str, Cache] = {}


def client_of(alias: str) -> Cache:
    """
    The client under an alias of ``CACHES``.

    Raises:
        ImproperlyConfigured: it is another backend's.
    """
    return _clients.get(alias) or _open(alias)


def _open(alias: str) -> Cache:
    backend = caches[alias]
    client = native(backend)
    if client is None:
        raise ImproperlyConfigured(
            f"cached answers need hitrate's backend, and CACHES[{alias!r}] is {type(backend).__name__}; "
            "use BACKEND 'hitrate.django.RedisCache', or name another alias by cache=..."
        )
    return _clients.setdefault(alias, client)


def forget(*, setting: str, **_: object) -> None:
    """Drop the clients of settings that no longer hold."""
    if setting == "CACHES":
        _clients.clear()


setting_changed.connect(forget, dispatch_uid="hitrate.django.responses.clients")
