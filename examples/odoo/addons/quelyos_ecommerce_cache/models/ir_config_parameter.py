"""Parameters of the cache are checked where they are written, and not by whoever asks next."""

from __future__ import annotations

import os

from odoo import _, api, models
from odoo.exceptions import ValidationError

from hitrate import Cache
from hitrate.odoo import forgets
from hitrate.odoo.settings import read

from .catalogue import LISTS
from .ecommerce_producer import TTLS, seconds


def _base_url(parameters):
    """Addresses of images begin with it."""
    return ("prices", *LISTS) if "web.base.url" in parameters.sudo().mapped("key") else ()


class IrConfigParameter(models.Model):
    _inherit = "ir.config_parameter"
    _cache_rules = (forgets(_base_url, when=("key", "value")),)

    @api.constrains("key", "value")
    def _check_redis(self):
        if not any(parameter.key.startswith("redis.") for parameter in self):
            return
        written = {parameter.key: parameter.value for parameter in self.search([("key", "=like", "redis.%")])}
        try:
            settings = read(written.get, os.environ, {})
            if settings.problem:
                raise ValueError(settings.problem)
            Cache(settings.url, prefix=settings.prefix, timeout=settings.timeout).close()
            for kind in TTLS:
                if lifetime := written.get(f"redis.ttl.{kind}"):
                    seconds(lifetime)
        except ValueError as error:
            raise ValidationError(_("Redis cannot be used so: %s", error)) from error
