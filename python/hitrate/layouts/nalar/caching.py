"""
What the ERP's code imported from its ``apps.common.cache``: the names and results of the original.

``hitrate.django`` is imported where it is needed, so that the layout can be read without Django.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from hitrate._native import escape_glob
from hitrate.exceptions import ServerError
from hitrate.layouts.nalar.keys import response_key

View = TypeVar("View", bound=Callable[..., Any])

logger = logging.getLogger("hitrate.layouts.nalar")


def cache_api_response(
    timeout: float = 300, key_prefix: str = "api", *, values: Literal["native", "original"] = "native", **options: Any
) -> Callable[[View], View]:
    """
    Keep the answers of a view, as `hitrate.django.cache_api_response` does.

    While ``DEBUG`` is on, the view is called every time, unless ``ENABLE_API_CACHE`` is true. Both are read at every
    request.

    Args:
        timeout: seconds for which an answer is fresh.
        key_prefix: first part of the keys, by which `invalidate_cache` finds them.
        values: ``"original"`` while workers of the old code still run: with ``shared=True``, answers are kept as it
            keeps them, under its keys, and each serves what the other computed.
        options: everything else that the generic decorator takes: ``shared=True``, ``vary_on=["tenant"]``, ...

    Raises:
        ConfigError: an argument that cannot be meant, or that old code would not heed.
    """
    from hitrate.django import cache_api_response as generic

    form = _original(key_prefix) if values == "original" else values
    return generic(timeout, key_prefix, values=form, enabled=_is_caching, **options)


def _original(key_prefix: str) -> Any:
    """How the original keeps answers: their data, pickled."""
    from hitrate.django.responses.original import Original

    def key(function: str, url: Mapping[str, str], query: Any) -> str | None:
        # It takes no notice of other arguments, and knows nothing of templates.
        if url.keys() - {"pk"} or "{" in key_prefix:
            return None
        return response_key(key_prefix, function, pk=url.get("pk"), query=query.urlencode())

    return Original(lambda function: f"{key_prefix}:{function}:", key, write=_unchanged, read=_unchanged)


def _unchanged(data: Any) -> Any:
    return data


def _is_caching() -> bool:
    from django.conf import settings

    return not settings.DEBUG or bool(getattr(settings, "ENABLE_API_CACHE", False))


def invalidate_cache(pattern: str) -> int:
    """
    Forget what stands under the keys that match, of any version: after the commit if a transaction is open.

    Args:
        pattern: a glob (``* ? [abc] \\``) for the end of keys: ``"employees:*"`` finds ``nalar:1:employees:list::`` and
            ``nalar:1:x:employees:y``, and ``"*"`` every key of the cache but sessions, which a pattern must name:
            ``"django.contrib.sessions*"``. Text of users must be escaped, by `hitrate.escape_glob`.

    Returns:
        How many keys were deleted; 0 also if that is not known yet: it waits for the commit, or for the server.
    """
    from django.db import transaction

    from hitrate.django import invalidate_cache as generic

    # The pattern of the original is `nalar:*:{pattern}`, where the star spans the version and whatever comes after it.
    deleted = generic([pattern, f"*:{pattern}"])
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(functools.partial(_forget_other_versions, pattern), robust=True)
    return 0 if deleted is None else deleted + _forget_other_versions(pattern)


def _forget_other_versions(pattern: str) -> int:
    """Delete what is left, the keys of other versions than the cache's own. They are found key by key. Never raises."""
    from django.core.cache import caches

    from hitrate.django import patterns
    from hitrate.django.client import RawClient
    from hitrate.django.naming import native

    cache = caches["default"]
    client = native(cache)
    if client is None:
        return 0
    raw = RawClient(client)
    glob = f"{escape_glob(cache.key_prefix)}:*:{pattern}"
    try:
        deleted = 0
        for found in patterns.find(raw, glob, None):
            keys = [key for key in found if not client._spares(key, pattern)]  # noqa: SLF001 (for us)
            deleted += raw.unlink(*keys) if keys else 0
        return deleted
    except ServerError as error:
        logger.error("keys of other versions that match '%s' were not deleted (%s)", pattern[:100], error)
        return 0


def get_cache_stats() -> dict[str, Any]:
    """
    Tell what the server of the default cache says of itself; see `hitrate.django.get_cache_stats`.

    Returns:
        ``redis_version``, ``connected_clients``, ``used_memory``, ``total_keys``, ``hits``, ``misses`` and
        ``hit_rate`` (``"86.68%"``). It does not raise: ``missing`` names what cannot be told.
    """
    from hitrate.django import get_cache_stats as generic

    return generic()
