"""Routes for the tests."""

from __future__ import annotations

import json
import logging
import os

from odoo.addons.quelyos_ecommerce_cache.controllers.answers import visitor
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


class Ways(Controller):
    """The same answers uncached, and the way the original did it, to be compared with."""

    @route("/probe/uncached/<string:kind>", type="jsonrpc", auth="public", csrf=False, website=True, readonly=True)
    def uncached(self, kind, product_id=0, **_params):
        return {"success": True, "data": _computed(kind, product_id)}

    @route("/probe/original/<string:kind>", type="jsonrpc", auth="public", csrf=False, website=True, readonly=True)
    def original(self, kind, product_id=0, **_params):
        key = f"product:api:{product_id}" if kind == "details" else "products:list:of-the-original"
        found = _client().get(key)
        if found:
            return {"success": True, "data": json.loads(found), "cached": True}
        data = _computed(kind, product_id)
        _client().setex(key, 300, json.dumps(data))
        return {"success": True, "data": data, "cached": False}

    @route("/probe/write/<string:way>", type="jsonrpc", auth="user", csrf=False)
    def write(self, way, product_id, price, **_params):
        """A change, and with the original's way what it forgot in every write, by KEYS."""
        request.env["product.template"].browse(product_id).list_price = price
        if way == "original":
            for kind in ("details", "api", "seo"):
                _client().delete(f"product:{kind}:{product_id}")
            for pattern in ("products:list:*", "products:facets:*"):
                found = _client().keys(pattern)
                if found:
                    _client().delete(*found)
        return True


def _computed(kind, product_id):
    catalogue = visitor(request.env, request.website, request.pricelist).env["ecommerce.catalogue"]
    return catalogue._details(product_id) if kind == "details" else catalogue._list(limit=100)


def _client():
    """A client and a PING for every call, as the original made them."""
    import redis

    parameters = request.env["ir.config_parameter"].sudo()
    client = redis.Redis(
        host=parameters.get_param("redis.host") or os.environ["REDIS_HOST"],
        port=int(parameters.get_param("redis.port") or os.environ["REDIS_PORT"]),
        db=int(parameters.get_param("redis.db", 0)),
        decode_responses=True,
        socket_connect_timeout=5,
    )
    client.ping()
    return client
