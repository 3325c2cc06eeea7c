"""Whether this instance is ready."""

from __future__ import annotations

import time

from odoo.http import Controller, request, route

from hitrate.exceptions import HitrateError

from ..lib import client
from ..lib.cache import get_cache_service


class Health(Controller):
    """For load balancers, without a login."""

    @route("/api/health/ready", type="http", auth="none", methods=["GET"], csrf=False, save_session=False)
    def ready(self, **_params):
        """200, or 503 while a Redis that is configured does not answer."""
        redis = _redis()
        is_ready = redis["status"] in {"ok", "disabled"}
        body = {"status": "ready" if is_ready else "not_ready", "checks": {"redis": redis}, "redis": redis}
        return request.make_json_response(body, status=200 if is_ready else 503)


def _redis():
    began = time.monotonic()
    try:
        client.cache().execute("PING")
    except HitrateError:
        if client.is_configured():
            return {"status": "error", "error": "Erreur serveur"}
        return {"status": "disabled", "message": "Redis not configured"}
    latency = round((time.monotonic() - began) * 1000, 2)
    return {"status": "ok", "latency_ms": latency, "hit_rate": get_cache_service().get_stats().get("hit_rate", 0.0)}
