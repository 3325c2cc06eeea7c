"""Stock that was counted or moved by hand."""

from __future__ import annotations

from odoo import models

from hitrate.odoo import forgets

from .catalogue import LISTS


class StockQuant(models.Model):
    _inherit = "stock.quant"
    # What is on hand is read from here; moves write it.
    _cache_rules = (
        forgets("product:{product_id.product_tmpl_id}", *LISTS, when=("quantity", "reserved_quantity", "location_id")),
    )
