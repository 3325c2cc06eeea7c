"""Cached products, for everybody."""

from __future__ import annotations

from odoo.http import Controller, request

from . import asked
from .answers import administrators_only, answering, json_route, refused, visitor


def _producer():
    return visitor(request.env, request.website, request.pricelist)


class CachedProducts(Controller):
    """The endpoints of the shop's front end."""

    @json_route("/api/ecommerce/products/list/cached", auth="public")
    @answering
    def list_products(self, /, **params):
        """A page of products: ``limit``, ``offset``, ``filters``, ``sort``."""
        return _answer(_producer()._list(asked.page(params)))

    @json_route("/api/ecommerce/products/<int:product_id>/cached", auth="public")
    @answering
    def product(self, /, product_id, **_params):
        """Details of a product."""
        return _answer(_producer()._details(asked.whole(product_id)))

    @json_route("/api/ecommerce/products/<int:product_id>/seo/cached", auth="public")
    @answering
    def seo(self, /, product_id, **_params):
        """Metadata of the page of a product."""
        return _answer(_producer()._seo(asked.whole(product_id)))

    @json_route("/api/ecommerce/products/facets/cached", auth="public")
    @answering
    def facets(self, /, filters=None, **_params):
        """Counts by category and attribute."""
        return _answer(_producer()._facets(asked.filters(filters)))

    @json_route("/api/ecommerce/products/search/cached", auth="public")
    @answering
    def search(self, /, query="", limit=10, **_params):
        """Completions."""
        return _answer(_producer()._search(asked.text(query), asked.completions(limit)))

    @json_route("/api/ecommerce/products/<int:product_id>/recommendations/cached", auth="public")
    @answering
    def recommendations(self, /, product_id, limit=4, **_params):
        """Products that go with this one."""
        return _answer(_producer()._recommendations(asked.whole(product_id), asked.completions(limit)))

    @json_route("/api/ecommerce/analytics/cached", auth="user")
    @administrators_only
    @answering
    def analytics(self, /, days=30, **_params):
        """What was sold in the last days."""
        return _answer(request.env["ecommerce.producer"]._analytics(asked.days(days)))


def _answer(found):
    if found.value is None:
        return refused("Product not found")
    return {"success": True, "data": found.value, "cached": found.was_cached}
