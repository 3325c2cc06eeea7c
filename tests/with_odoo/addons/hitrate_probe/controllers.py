"""Routes for the tests."""

from __future__ import annotations

import logging
import os

from odoo.http import Controller, request, route

from hitrate.odoo import cache_of, cached, client_address, rate_limited, snapshot_age

_logger = logging.getLogger(__name__)


class Probe(Controller):
    @route("/probe/price", type="jsonrpc", auth="public", methods=["POST"], csrf=False, readonly=True)
    def price(self, product_id, wait_for=None, **_params):
        """The same as the model's, computed with the cursor of the request, which is read-only where there is one."""
        return {"price": self._price(product_id, wait_for), "readonly": request.env.cr.readonly, "pid": os.getpid()}

    @cached(300, vary=(), tags=lambda self, product_id, wait_for=None: [f"product:{product_id}"])
    def _price(self, product_id, wait_for=None):
        cr = request.env.cr
        cr.execute("SELECT list_price FROM product_template WHERE id = %s", [product_id])
        price = float(cr.fetchone()[0])
        if wait_for is not None:
            cr.execute("SELECT pg_advisory_lock_shared(%s)", [wait_for])
            cr.execute("SELECT pg_advisory_unlock_shared(%s)", [wait_for])
        return price

    @route("/probe/limited", type="http", auth="public", methods=["GET"], csrf=False)
    @rate_limited("3/minute", by="address", algorithm="fixed_window")
    def limited(self):
        return request.make_json_response({"address": client_address(request.httprequest)})

    @route("/probe/limited/json", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    @rate_limited("3/minute", by="address", algorithm="fixed_window")
    def limited_json(self, **_params):
        return {"success": True}

    @route("/probe/worker", type="http", auth="public", methods=["GET"], csrf=False)
    def worker(self):
        stats = cache_of(request.env).stats()
        counted = {name: stats[name] for name in ("waiter", "timeouts", "round_trips")}
        age = snapshot_age(request.env.cr)
        return request.make_json_response(
            {**counted, "pid": os.getpid(), "connects": stats["pool"]["connects"], "age": age}
        )

    @route("/probe/get", type="http", auth="public", methods=["GET"], csrf=False)
    def get(self, key):
        _logger.info("asks for %s", key)
        return request.make_json_response({"value": cache_of(request.env).get(key)})
