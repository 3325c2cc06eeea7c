"""Orders count in the analytics."""

from __future__ import annotations

from odoo import models

from hitrate.odoo import forgets

from .catalogue import LISTS


def _sold(orders):
    """What was sold, or is not any more, may be a bestseller; a cart says nothing of that."""
    found = orders.sudo().filtered(lambda order: order.state in {"sale", "cancel"})
    sold = found.order_line.product_id.product_tmpl_id
    return (*LISTS, *(f"product:{number}" for number in sold.ids)) if sold else ()


class SaleOrder(models.Model):
    _inherit = "sale.order"
    # A cart that is filled counts nowhere until it is confirmed: its total is looked at only then.
    _cache_rules = (forgets("analytics", when=("state", "date_order", "company_id")), forgets(_sold, when=("state",)))


def _of_confirmed(lines):
    """A changed line of a confirmed order is updated analytics data; one of a cart is none."""
    return ("analytics",) if "sale" in lines.order_id.mapped("state") else ()


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"
    _cache_rules = (forgets(_of_confirmed, when=("product_uom_qty", "price_unit", "product_id")),)
