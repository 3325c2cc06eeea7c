"""The original's ``rate_limit`` for methods of controllers, counted for all workers together."""

from __future__ import annotations

import functools

from odoo.http import request

from hitrate.layouts.quelyos_ecommerce import rate_limit as _count
from hitrate.odoo import cache_of, client_address, once_per_request


def rate_limit(limit=100, window=60):
    """
    Allow each user, or else each address, so many calls in so many seconds; stands below ``@route``.

    A refused call is answered in the original's shape. Methods of one name in two classes or databases do not share a
    limit, other than the original's.
    """

    def decorate(method):
        @functools.wraps(method)
        def call(self, *args, **kwargs):
            function = f"{request.env.cr.dbname}:{method.__qualname__}"
            address = client_address(request.httprequest, ipv6_prefix=64)
            user = request.session.uid

            def count():
                return _count(cache_of(request.env), function, user, address, limit=limit, window=window)

            refusal = once_per_request(request, function, count)
            return method(self, *args, **kwargs) if refusal is None else refusal

        return call

    return decorate
