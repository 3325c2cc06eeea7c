"""Whether the shop is ready, and what its cache has done."""

from __future__ import annotations

import os
from typing import Any, cast

from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, JsonResponse

from hitrate.django import RedisCache, response_stats


def health(request: HttpRequest) -> JsonResponse:
    """Answer once the database answers. The cache may be away: the shop works without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ready": True})


def cache_statistics(request: HttpRequest) -> JsonResponse:
    """What the cache of this process counted, and what became of requests, view by view."""
    counted: dict[str, Any] = cast(RedisCache, caches["default"]).stats()
    # The latency histogram ends with an infinite bound, for which JSON has no number.
    stats = {name: value for name, value in counted.items() if name != "latency"}
    return JsonResponse({"worker": os.getpid(), "stats": stats, "views": response_stats()})
