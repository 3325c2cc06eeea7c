"""The cached list, and the page of a product, whose views are counted."""

from __future__ import annotations

from odoo.http import Controller, request, route
from odoo.release import version_info
from odoo.tools import SQL

from hitrate.layouts.quelyos_api import get_products_list_key
from hitrate.odoo import remember

from ..lib.cache import CacheTTL
from ..lib.rate_limiter import RateLimitConfig, rate_limited
from ..lib.view_counter import check_view_count_rate_limit
from .listing import page

JSON = "jsonrpc" if version_info >= (19, 0) else "json"
# The list holds the catalogue's own prices, which depend on neither pricelist nor currency.
VISITOR = ("company", "lang", "website")


class Products(Controller):
    """For everybody."""

    @route("/api/ecommerce/products", type=JSON, auth="public", methods=["POST"], csrf=False, website=True)
    @rate_limited(RateLimitConfig.PRODUCTS_LIST, "products_list")
    def products(self, **params):
        """A page of products of this website's company: whatever tenant is asked for, nobody gets another one's."""
        website = request.website
        params.pop("context", None)
        params["tenant_id"] = request.env.company.id
        try:
            key = get_products_list_key(params)
        except (AttributeError, TypeError, ValueError):
            return {"success": False, "error": "Invalid parameters"}
        env = request.env["product.template"].with_context(website_id=website.id).env
        answer = remember(
            env,
            key,
            lambda computing: page(computing, params),
            ttl=CacheTTL.PRODUCTS_LIST,
            vary=VISITOR,
            tags=("api:products",),
        )
        return answer.value

    @route(
        "/api/ecommerce/products/slug/<string:slug>",
        type=JSON,
        auth="public",
        methods=["POST"],
        csrf=False,
        website=True,
    )
    @rate_limited(RateLimitConfig.PRODUCT_DETAIL, "product_detail")
    def product(self, slug, **_params):
        """A product by the slug of its page; its view is counted once a minute for each address."""
        _, product_id = request.env["ir.http"]._unslug(slug)
        domain = [("id", "=", product_id), ("sale_ok", "=", True), ("is_published", "=", True)]
        product = request.env["product.template"].sudo().search(domain, limit=1)
        if not product:
            return {"success": False, "error": "Product not found"}
        if check_view_count_rate_limit(request.httprequest, product.id):
            # By SQL: a view is no change of the product, and waits for no other writer.
            request.env.cr.execute(
                SQL(
                    "UPDATE product_template SET x_view_count = coalesce(x_view_count, 0) + 1 WHERE id = %s", product.id
                )
            )
            product.invalidate_recordset(["x_view_count"])
        return {
            "success": True,
            "product": {"id": product.id, "name": product.name, "view_count": product.x_view_count},
        }
