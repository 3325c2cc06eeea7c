"""Orders count in the analytics."""

from __future__ import annotations

from odoo import models

from hitrate.odoo import forgets


class SaleOrder(models.Model):
    _inherit = "sale.order"
    # A cart that is filled counts nowhere until it is confirmed: its total is looked at only then.
    _cache_rules = (forgets("analytics", when=("state", "date_order", "company_id")),)


def _of_confirmed(lines):
    """A changed line of a confirmed order is updated analytics data; one of a cart is none."""
    return ("analytics",) if "sale" in lines.order_id.mapped("state") else ()


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"
    _cache_rules = (forgets(_of_confirmed, when=("product_uom_qty", "price_unit", "product_id")),)
