"""Administration of the cache."""

from __future__ import annotations

import logging

from odoo.http import Controller, request

from hitrate.odoo import cache_of

from ..models.redis_cache import PATTERNS
from . import asked
from .answers import administrators_only, answering, json_route, refused, visitor

_logger = logging.getLogger(__name__)
POPULAR = 100
STEP = 20


class CacheAdministration(Controller):
    """``cache/stats``, ``cache/clear`` and ``cache/warmup``, for administrators."""

    @json_route("/api/ecommerce/cache/stats", auth="user")
    @administrators_only
    def stats(self, **_params):
        """Numbers of the server."""
        return {"success": True, "data": request.env["redis.cache"]._statistics()}

    @json_route("/api/ecommerce/cache/clear", auth="user")
    @administrators_only
    @answering
    def clear(self, /, pattern=None, **_params):
        """Delete what matches a pattern, given in ``params`` or beside it; without one, all of the module's."""
        pattern = asked.pattern(pattern)
        if cache_of(request.env).invalidate(pattern or PATTERNS) is None:
            return refused("Redis not available; what is to be cleared will be when it is back")
        message = f"Cache cleared for pattern: {pattern}" if pattern else "All e-commerce cache cleared"
        return {"success": True, "message": message}

    @json_route("/api/ecommerce/cache/warmup", auth="user")
    @administrators_only
    def warmup(self, **_params):
        """Compute details and metadata of popular products, as a visitor who has just come would see them."""
        website = request.website
        context = {"lang": website.default_lang_id.code, "allowed_company_ids": website.company_id.ids}
        env = request.env(user=website.user_id.id, context=context)
        pricelists = website.with_env(env).get_pricelist_available()
        producer = visitor(env, website, pricelists[:1])
        domain = producer.env["ecommerce.catalogue"]._domain()
        products = producer.env["product.template"].sudo().search(domain, limit=POPULAR, order="website_sequence, id")
        for number, product_id in enumerate(products.ids, 1):
            producer._details(product_id)
            producer._seo(product_id)
            if number % STEP == 0 or number == len(products):
                _logger.info("Cache warmup: %d of %d products", number, len(products))
        return {"success": True, "message": f"Cache warmed up with {len(products)} products"}
