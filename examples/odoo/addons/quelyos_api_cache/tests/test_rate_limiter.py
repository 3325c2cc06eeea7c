from __future__ import annotations

from odoo.tests import TransactionCase, tagged

from ..lib.rate_limiter import RateLimitConfig


@tagged("post_install", "-at_install")
class TestRateLimitConfig(TransactionCase):
    def test_limits_are_the_originals(self):
        wanted = {
            "DEFAULT": (100, 60),
            "LOGIN": (5, 60),
            "LOGIN_FAILED": (3, 300),
            "PASSWORD_RESET": (3, 3600),
            "REGISTER": (3, 60),
            "PRODUCTS_LIST": (60, 60),
            "PRODUCTS_SEARCH": (30, 60),
            "PRODUCT_DETAIL": (120, 60),
            "BACKOFFICE": (200, 60),
            "CHECKOUT": (20, 60),
            "PAYMENT": (10, 60),
            "EXPORT": (5, 300),
        }
        self.assertEqual({name: tuple(getattr(RateLimitConfig, name)) for name in wanted}, wanted)
