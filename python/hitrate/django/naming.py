"""What Django calls its caches, for metrics: their alias."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.cache import caches

from hitrate.cache import Cache
from hitrate.django.checks import is_ours
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
                yield alias, _native(caches[alias])


def _native(backend: Any) -> Cache:
    # Backend objects are made per thread; this is what all those of an alias share.
    client: Cache = backend._client  # noqa: SLF001
    return client


sources.naming.append(aliases)
