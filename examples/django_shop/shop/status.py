"""Whether the shop is ready, and what its cache has done."""

from __future__ import annotations

import os
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """Answer once the database answers. The cache may be away: the shop works without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ready": True})


def cache_statistics(request: HttpRequest) -> JsonResponse:
    """What the cache of this process counted; `stats` is null for a backend that does not count."""
    count: Any = getattr(cache, "stats", None)
    # The latency histogram ends with an infinite bound, for which JSON has no number.
    stats = {name: value for name, value in count().items() if name != "latency"} if count else None
    return JsonResponse({"worker": os.getpid(), "stats": stats}, json_dumps_params={"default": str})
