"""The original's limits and answers, counted exactly, and by users and addresses that nobody makes up."""

from __future__ import annotations

import functools

from hitrate.layouts.quelyos_api import RATE_LIMITS
from hitrate.layouts.quelyos_api import check_rate_limit as _check
from hitrate.layouts.quelyos_api import rate_limit_key as _key
from hitrate.odoo import client_address, once_per_request

from . import client


class RateLimitConfig:
    """Requests and seconds."""

    DEFAULT = RATE_LIMITS["DEFAULT"]
    LOGIN = RATE_LIMITS["LOGIN"]
    LOGIN_FAILED = RATE_LIMITS["LOGIN_FAILED"]
    PASSWORD_RESET = RATE_LIMITS["PASSWORD_RESET"]
    REGISTER = RATE_LIMITS["REGISTER"]
    PRODUCTS_LIST = RATE_LIMITS["PRODUCTS_LIST"]
    PRODUCTS_SEARCH = RATE_LIMITS["PRODUCTS_SEARCH"]
    PRODUCT_DETAIL = RATE_LIMITS["PRODUCT_DETAIL"]
    BACKOFFICE = RATE_LIMITS["BACKOFFICE"]
    CHECKOUT = RATE_LIMITS["CHECKOUT"]
    PAYMENT = RATE_LIMITS["PAYMENT"]
    EXPORT = RATE_LIMITS["EXPORT"]


def rate_limit_key(request, prefix):
    """Who is limited: the user, or else the address. A session is not asked for, which anybody drops at will."""
    user = request.env.user
    user_id = None if user._is_public() else user.id
    return _key(prefix, user_id, None, None, client_address(request.httprequest, ipv6_prefix=64))


def check_rate_limit(request, config=None, endpoint_name="api"):
    """Return None when the request is allowed, else the original's answer."""
    # Users of two databases on one server are not the same.
    key = f"{request.env.cr.dbname}:{rate_limit_key(request, endpoint_name)}"
    # Refused requests do not count: who waits as long as he is told is let through.
    return _check(client.limits(request.env), key, config or RateLimitConfig.DEFAULT, count_refused=False)


def add_rate_limit_headers(response, config, remaining):
    """Tell the client how many requests are left."""
    response.headers["X-RateLimit-Limit"] = str(config.max_requests)
    response.headers["X-RateLimit-Remaining"] = str(remaining)
    response.headers["X-RateLimit-Window"] = str(config.window_seconds)
    return response


def rate_limited(config=None, name="api"):
    """Limit a controller's method: status 429 for HTTP routes, the answer itself for JSON ones."""

    def decorate(method):
        @functools.wraps(method)
        def call(self, *args, **kwargs):
            from odoo.http import request

            refusal = once_per_request(request, f"limit:{name}", lambda: check_rate_limit(request, config, name))
            if refusal is None:
                return method(self, *args, **kwargs)
            if request.dispatcher.routing_type == "http":
                headers = {"Retry-After": str(refusal["retry_after"])}
                return request.make_json_response(refusal, headers=headers.items(), status=429)
            return refusal

        return call

    return decorate
