"""Routes for the tests."""

from __future__ import annotations

import json
import logging
import os
from types import SimpleNamespace

from odoo.addons.hitrate_original.client import client
from odoo.addons.quelyos_api_cache.controllers.products import Products
from odoo.addons.quelyos_api_cache.lib.rate_limiter import (
    RateLimitConfig,
    add_rate_limit_headers,
)
from odoo.addons.quelyos_api_cache.lib.rate_limiter import rate_limited as rate_limited_as_before
from odoo.addons.quelyos_ecommerce_cache.controllers.answers import answering, visitor
from odoo.addons.quelyos_ecommerce_cache.controllers.rate_limiter import rate_limit
from odoo.addons.website_sale.models.website import PRICELIST_SESSION_CACHE_KEY
from odoo.addons.website_sale.models.website import Website as OdooWebsite
from odoo.exceptions import ConcurrencyError
from odoo.http import Controller, request, route

from hitrate.odoo import cache_of, cached, client_address, rate_limited, remember, snapshot_age

_logger = logging.getLogger(__name__)


# What a computation may read of a request, beside its environment.
OF_REQUEST = {
    "cart": lambda _env: request.cart.id,
    "cookie": lambda _env: request.cookies.get("mark"),
    "country": lambda _env: request.geoip.country_code,
    "currency": lambda env: env["website"].get_current_website().currency_id.name,
    "cursor": lambda env: [record.env.cr is env.cr for record in (request, request.website, request.pricelist)],
    "debug": lambda env: env.user.has_group("base.group_no_one"),
    "fiscal_position": lambda _env: request.fiscal_position.id,
    "header": lambda _env: request.httprequest.headers.get("X-Mark"),
    "host": lambda _env: request.httprequest.host,
    "lang": lambda _env: request.lang.code,
    "pricelist": lambda _env: request.pricelist.id,
    "session": lambda _env: request.session.get("mark"),
    "token": lambda _env: request.csrf_token(),
    "website": lambda env: [request.website.id, env["website"].get_current_website().id],
}


def conflict_once():
    """Have Odoo run the request again."""
    if not getattr(request, "probe_was_here", False):
        request.probe_was_here = True
        raise ConcurrencyError("a conflict")


class Probe(Controller):
    @route("/probe/price", type="jsonrpc", auth="public", methods=["POST"], csrf=False, readonly=True)
    def price(self, product_id, wait_for=None, **_params):
        """The same as the model's, computed with the cursor of the request, which is read-only where there is one."""
        return {"price": self._price(product_id, wait_for), "readonly": request.env.cr.readonly, "pid": os.getpid()}

    @route("/probe/changed", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    def changed(self, product_id, **_params):
        """The price that is computed after a change by SQL, which is rolled back."""
        request.env.cr.execute("UPDATE product_template SET list_price = 99 WHERE id = %s", [product_id])
        price = self._price(product_id)
        request.env.cr.rollback()
        return {"price": price}

    @cached(300, vary=(), tags=lambda self, product_id, wait_for=None: [f"product:{product_id}"])
    def _price(self, product_id, wait_for=None):
        cr = request.env.cr
        cr.execute("SELECT list_price FROM product_template WHERE id = %s", [product_id])
        price = float(cr.fetchone()[0])
        if wait_for is not None:
            cr.execute("SELECT pg_advisory_lock_shared(%s)", [wait_for])
            cr.execute("SELECT pg_advisory_unlock_shared(%s)", [wait_for])
        return price

    @route("/probe/counted", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    def counted(self, parameter, **_params):
        return self._counted(parameter)

    @cached(300, vary=())
    def _counted(self, parameter):
        """A method that is kept and changes data, which it should not."""
        record = request.env["ir.config_parameter"].sudo().search([("key", "=", parameter)])
        record.value = str(int(record.value) + 1)
        return record.value

    @route("/probe/context", type="jsonrpc", auth="public", methods=["POST"], csrf=False, website=True, readonly=True)
    def context(self, **_params):
        """What the context holds in a method that is kept, and in the request after it."""
        return {"seen": self._context(), "after": sorted(request.env.context)}

    @cached(300, vary=("lang",))
    def _context(self):
        return sorted(request.env.context)

    @route("/probe/part/<string:part>", type="jsonrpc", auth="public", csrf=False, website=True, readonly=True)
    def part(self, part, **_params):
        return request.env["hitrate.probe"].sudo().part(part)

    @route("/probe/request/<string:what>", type="jsonrpc", auth="public", csrf=False, website=True)
    def of_request(self, what, vary, given=None, country=None, mark=None, own_cursor=True):
        """What a value that is kept was made of; a visitor has a country and a mark in his session, if he says so."""
        request.geoip = SimpleNamespace(country_code=country)
        if mark:
            request.session["mark"] = mark
        env = request.env(context={**request.env.context, **(given or {})})
        # Odoo's own cache holds it from here on.
        assert request.website.currency_id
        found = remember(
            env, f"probe:request:{what}", OF_REQUEST[what], ttl=300, vary=vary, tags=["probe"], own_cursor=own_cursor
        )
        return {"value": found.value, "cached": found.was_cached}

    @route("/probe/limited", type="http", auth="public", methods=["GET"], csrf=False)
    @rate_limited("3/minute", by="address", algorithm="fixed_window")
    def limited(self):
        return request.make_json_response({"address": client_address(request.httprequest)})

    @route("/probe/limited/json", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    @rate_limited("3/minute", by="address", algorithm="fixed_window")
    def limited_json(self, conflicts=False, **_params):
        if conflicts:
            conflict_once()
        return {"success": True}

    @route("/probe/limited/original", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    @rate_limit(limit=3, window=60)
    def limited_as_before(self, **_params):
        return {"success": True}

    @route("/probe/limited/api", type="http", auth="public", methods=["GET"], csrf=False)
    @rate_limited_as_before(RateLimitConfig.EXPORT, "probe_export")
    def limited_export(self):
        """By the other addon's limiter, whose answers are another."""
        config = RateLimitConfig.EXPORT
        return add_rate_limit_headers(request.make_json_response({"success": True}), config, config.max_requests - 1)

    @route("/probe/bug", type="jsonrpc", auth="public", methods=["POST"], csrf=False)
    @answering
    def bug(self, **_params):
        raise ValueError("a fault of the server")

    @route("/probe/retried/<string:slug>", type="jsonrpc", auth="public", methods=["POST"], csrf=False, website=True)
    def retried(self, slug):
        """A page of a product, in a request that Odoo runs again after a conflict."""
        answer = Products().product(slug)
        conflict_once()
        return answer

    @route("/probe/pricelist", type="jsonrpc", auth="public", methods=["POST"], csrf=False, website=True, readonly=True)
    def pricelist(self, country=None):
        """The visitor's pricelist by the addon and by Odoo's own method, which begin with the same session."""
        request.geoip = SimpleNamespace(country_code=country)
        session, cr = request.session, request.env.cr
        has_one, before = PRICELIST_SESSION_CACHE_KEY in session, session.get(PRICELIST_SESSION_CACHE_KEY)
        # Read in any case.
        assert request.website.name
        queries = cr.sql_log_count
        ours = request.website._get_and_cache_current_pricelist().id
        found = {"ours": ours, "queries": cr.sql_log_count - queries}
        found["our_session"] = session.get(PRICELIST_SESSION_CACHE_KEY)
        if has_one:
            session[PRICELIST_SESSION_CACHE_KEY] = before
        else:
            session.pop(PRICELIST_SESSION_CACHE_KEY, None)
        found["odoo"] = OdooWebsite._get_and_cache_current_pricelist(request.website).id
        return {**found, "odoo_session": session.get(PRICELIST_SESSION_CACHE_KEY)}

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
        key = {
            "list": "products:list:of-the-original",
            "facets": "products:facets:of-the-original",
            "details": f"product:api:{product_id}",
            "recommendations": f"recommendations:{product_id}",
        }[kind]
        found = client(request.env).get(key)
        if found:
            return {"success": True, "data": json.loads(found), "cached": True}
        data = _computed(kind, product_id)
        client(request.env).setex(key, 300, json.dumps(data))
        return {"success": True, "data": data, "cached": False}


def _computed(kind, product_id):
    catalogue = visitor(request.env, request.website, request.pricelist).env["ecommerce.catalogue"]
    return {
        "list": lambda: catalogue._list(limit=100),
        "newest": lambda: catalogue._list(limit=100, sort="newest"),
        "facets": lambda: catalogue._facets({}),
        "details": lambda: catalogue._details(product_id),
        "recommendations": lambda: catalogue._recommendations(product_id, 4),
    }[kind]()
