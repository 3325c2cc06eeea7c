"""The cached list, and the page of a product, whose views are counted."""

from __future__ import annotations

import json
import logging

from odoo.http import Controller, request, route
from odoo.release import version_info

from hitrate.http.text import MAX_CHARS, digest
from hitrate.layouts.quelyos_api import get_products_list_key
from hitrate.odoo import once_per_request, remember

from ..lib.cache import CacheTTL
from ..lib.rate_limiter import RateLimitConfig, rate_limited
from ..lib.view_counter import check_view_count_rate_limit, count_after_commit
from .listing import InvalidParametersError, asked, domain, page

_logger = logging.getLogger(__name__)
JSON = "jsonrpc" if version_info >= (19, 0) else "json"
# The list holds the catalogue's own prices, which depend on neither pricelist nor currency.
VISITOR = ("company", "lang", "website")


def _json_route(path):
    """A JSON-RPC route on the website for everybody, which reads and never writes."""
    return route(path, type=JSON, auth="public", methods=["POST"], csrf=False, website=True, readonly=True)


class Products(Controller):
    """For everybody."""

    @_json_route("/api/ecommerce/products")
    @rate_limited(RateLimitConfig.PRODUCTS_LIST, "products_list")
    def products(self, **params):
        """A page of products of this website's company: whatever tenant is asked for, nobody gets another one's."""
        try:
            wanted = asked(params)
        except InvalidParametersError:
            _logger.info("Refused parameters of a list of products", exc_info=True)
            return {"success": False, "error": "Invalid parameters"}
        return _page({**wanted, "tenant_id": request.env.company.id})

    @_json_route("/api/ecommerce/products/slug/<string:slug>")
    @rate_limited(RateLimitConfig.PRODUCT_DETAIL, "product_detail")
    def product(self, slug, **_params):
        """A product by the slug of its page; its view is counted once a minute for each address."""
        _, product_id = request.env["ir.http"]._unslug(slug)
        # Of this website and its company, as the list has them.
        found = [("id", "=", product_id), *domain(request.env, {})]
        product = request.env["product.template"].sudo().search(found, limit=1)
        if not product:
            return {"success": False, "error": "Product not found"}
        is_counted = once_per_request(
            request, "view", lambda: check_view_count_rate_limit(request.httprequest, product.id)
        )
        if is_counted:
            count_after_commit(request.env.cr, product.id)
        views = product.x_view_count + is_counted
        return {"success": True, "product": {"id": product.id, "name": product.name, "view_count": views}}


def _key(params):
    """
    The layout's key, and below it what tells apart parameters that it spells alike.

    It writes down what visitors send as it is: ``{"search": "x:sort_by=price"}`` and ``{"search": "x", "sort_by":
    "price:sort_by=name"}`` have one key there, which is as long as they like.
    """
    key, exact = get_products_list_key(params), digest(json.dumps(params, sort_keys=True))
    if len(key) > MAX_CHARS:
        key = f"tenant:{params['tenant_id']}:products:{digest(key)}"
    return f"{key}:{exact}"


def _page(params):
    """The page that is asked for, from the cache; of the whole answer the original's shape."""
    return remember(
        request.env["product.template"].with_context(website_id=request.website.id).env,
        _key(params),
        lambda env: page(env, params),
        ttl=CacheTTL.PRODUCTS_LIST,
        vary=VISITOR,
        tags=("api:products",),
    ).value
