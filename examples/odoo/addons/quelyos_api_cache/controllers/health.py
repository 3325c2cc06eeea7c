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
        """
        200, or 503 while a Redis that is configured does not answer.

        Every instance says that at once, and a load balancer that asks here is left with none, although all of them
        serve: with the parameter ``redis.required`` at 0 the answer is 200 with the status ``degraded``.
        """
        redis = _redis()
        status = "ready" if redis["status"] in {"ok", "disabled"} else "not_ready"
        if status == "not_ready" and not client.is_required():
            status = "degraded"
        body = {"status": status, "checks": {"redis": redis}, "redis": redis}
        return request.make_json_response(body, status=503 if status == "not_ready" else 200)


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
