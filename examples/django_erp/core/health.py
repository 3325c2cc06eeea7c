"""Whether the services the ERP needs are there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from hitrate.exceptions import HitrateError


def health(request: HttpRequest) -> JsonResponse:
    """
    Answer ``{status, timestamp, services, responseTimes}``; times in milliseconds.

    The status code is 200 as long as somebody can answer: without its cache the ERP is slower and no less right.
    """
    services = {"redis": _measured(_ask_cache), "database": _measured(_ask_database)}
    times = {name: service["responseTime"] for name, service in services.items()}
    is_well = all(service["status"] == "ok" for service in services.values())
    return JsonResponse(
        {
            "status": "ok" if is_well else "degraded",
            "timestamp": timezone.now().isoformat(),
            "services": services,
            "responseTimes": {**times, "total": round(sum(times.values()), 2)},
        }
    )


def _measured(is_there: Callable[[], bool]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        state = "connected" if is_there() else "disconnected"
    except (HitrateError, DatabaseError) as error:
        # The class and not the text, which may name hosts and users: anyone may read this page.
        state = f"error: {type(error).__name__}"
    spent = round((time.perf_counter() - started) * 1000, 2)
    return {"status": "ok" if state == "connected" else "error", "state": state, "responseTime": spent}


def _ask_cache() -> bool:
    cache.set("health_check", "test", 10)
    return cache.get("health_check") == "test"


def _ask_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)
