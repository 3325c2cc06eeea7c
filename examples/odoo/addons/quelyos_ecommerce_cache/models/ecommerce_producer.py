"""What stands under each of the module's patterns, and for how long."""

from __future__ import annotations

import logging
from functools import lru_cache

from odoo import models

from hitrate.layouts.quelyos_ecommerce import list_products_key, product_key
from hitrate.odoo import remember

_logger = logging.getLogger(__name__)
# Seconds; the system parameter redis.ttl.{kind} says otherwise.
TTLS = {
    "details": 3600,
    "seo": 3600,
    "list": 300,
    "facets": 300,
    "analytics": 900,
    "search": 600,
    "recommendations": 1800,
}
LONGEST = 365 * 24 * 3600
# What a visitor is told depends on all of these.
VISITOR = ("company", "lang", "website", "pricelist")


def seconds(value):
    """What a parameter says of a lifetime, or a ValueError."""
    text = value.strip()
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LONGEST):
        raise ValueError(f"a lifetime of {text!r:.40}; use 1 to {LONGEST} seconds")
    return int(text)


# Remembered, so that each process says once of each value that it is none.
@lru_cache(maxsize=64)
def _usable(kind, value):
    try:
        return seconds(value)
    except ValueError:
        _logger.warning("redis.ttl.%s is %.40r, which is no number of seconds; %d are used", kind, value, TTLS[kind])
        return TTLS[kind]


class EcommerceProducer(models.AbstractModel):
    """
    Answers for visitors, from the cache.

    ``self.env`` is a visitor's: its context holds ``website_id``, ``pricelist`` and ``lang``.
    """

    _name = "ecommerce.producer"
    _description = "Cached answers of the shop"

    def _ttl(self, kind):
        """Seconds for which answers of a kind are kept."""
        value = self.env["ir.config_parameter"].sudo().get_param(f"redis.ttl.{kind}")
        return _usable(kind, value) if value else TTLS[kind]

    def _remember(self, kind, key, compute, tags, vary=VISITOR, is_nothing=lambda value: value is None):
        def in_environment(env):
            # As a visitor whom nobody knows, whoever asks: rights of the one who comes first are not everybody's.
            somebody = env["website"].sudo().get_current_website().user_id
            return compute(self.with_env(env(user=somebody.id, su=True)))

        return remember(
            self.env,
            key,
            in_environment,
            ttl=self._ttl(kind),
            vary=vary,
            tags=tags,
            # What does not exist is asked for by whoever makes up numbers and filters: it would fill the server.
            skip=is_nothing,
        )

    def _details(self, product_id):
        """Details of a product that is on sale, or None."""
        return self._remember(
            "details",
            product_key("api", product_id),
            lambda producer: producer.env["ecommerce.catalogue"]._details(product_id),
            (f"product:{product_id}", "prices", "categories"),
        )

    def _seo(self, product_id):
        """Metadata of the page of a product that is on sale, or None."""
        return self._remember(
            "seo",
            product_key("seo", product_id),
            lambda producer: producer.env["ecommerce.catalogue"]._seo(product_id),
            (f"product:{product_id}", "prices"),
        )

    def _list(self, params):
        """A page of the products on sale, of parameters as ``controllers.asked.page`` reads them."""
        return self._remember(
            "list",
            list_products_key(params),
            lambda producer: producer.env["ecommerce.catalogue"]._list(**params),
            ("products",),
            is_nothing=lambda value: not value["products"],
        )

    def _facets(self, filters):
        """How many products there are by category and attribute, and the range of their prices."""
        return self._remember(
            "facets",
            list_products_key({"filters": filters}).replace("products:list:", "products:facets:"),
            lambda producer: producer.env["ecommerce.catalogue"]._facets(filters),
            ("products",),
            is_nothing=lambda value: not value["total"],
        )

    def _search(self, text, limit):
        """Completions of what is being typed."""
        wanted = " ".join(text.lower().split())
        digest = list_products_key({"text": wanted, "limit": limit}).removeprefix("products:list:")
        return self._remember(
            "search",
            f"search:{digest}",
            lambda producer: producer.env["ecommerce.catalogue"]._search_products(wanted, limit),
            ("search",),
            is_nothing=lambda value: not value,
        )

    def _recommendations(self, product_id, limit):
        """Products that go with another one."""
        return self._remember(
            "recommendations",
            f"recommendations:{product_id}:{limit}",
            lambda producer: producer.env["ecommerce.catalogue"]._recommendations(product_id, limit),
            ("recommendations", f"product:{product_id}"),
        )

    def _analytics(self, days):
        """What was sold lately, of the companies that the administrator is in."""
        return self._remember(
            "analytics",
            f"analytics:sales:{days}",
            lambda producer: producer.env["ecommerce.catalogue"]._analytics(days),
            ("analytics",),
            vary=("company", "website"),
        )
