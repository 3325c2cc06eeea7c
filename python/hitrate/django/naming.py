"""What Django calls its caches, their alias: for metrics, and for whoever is given one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.cache import caches

from hitrate.cache import Cache
from hitrate.django.checks import is_ours
from hitrate.django.contract import ContractCache
from hitrate.exceptions import ConfigError
from hitrate.metrics import sources


def aliases() -> Iterator[tuple[str, Cache]]:
    """Yield every cache of ours with its alias, used or not, so that its metrics are there from the beginning."""
    if not settings.configured:
        return
    for alias, params in settings.CACHES.items():
        if is_ours(params):
            # What cannot be used has nothing to tell; the system checks and the first use say why.
            with suppress(ConfigError):
                client = native(caches[alias])
                if client is not None:
                    yield alias, client


def native(backend: Any) -> Cache | None:
    """Return the client that the backend objects of an alias share, which Django makes per thread; None: not ours."""
    return backend._client if isinstance(backend, ContractCache) else None  # noqa: SLF001


sources.naming.append(aliases)
