"""What the original forgot in every write: three keys for each record, and two patterns by KEYS."""

from __future__ import annotations

from odoo import models

from .client import client


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def write(self, vals):
        written = super().write(vals)
        for number in self.ids:
            for kind in ("details", "api", "seo"):
                client(self.env).delete(f"product:{kind}:{number}")
        for pattern in ("products:list:*", "products:facets:*"):
            found = client(self.env).keys(pattern)
            if found:
                client(self.env).delete(*found)
        return written
