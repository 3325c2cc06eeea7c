"""Orders count in the analytics, and make bestsellers."""

from __future__ import annotations

from odoo import models

from hitrate.odoo import forgets, invalidate

from .catalogue import LISTS


def _counted(orders):
    """Those that count, or do not any more; a cart counts nowhere until it is confirmed."""
    return orders.sudo().filtered(lambda order: order.state in {"sale", "cancel"})


def _analytics(orders):
    return ("analytics",) if _counted(orders) else ()


def _bestsellers(orders):
    return _sold(_counted(orders).order_line)


def _sold(lines):
    """What was sold, or is not any more, may be a bestseller."""
    sold = lines.product_id.product_tmpl_id
    return (*LISTS, *(f"product:{number}" for number in sold.ids)) if sold else ()


def _of_confirmed(lines):
    """A changed line of a confirmed order is updated analytics data; one of a cart is none."""
    confirmed = lines.sudo().filtered(lambda line: line.order_id.state == "sale")
    return ("analytics", *_sold(confirmed)) if confirmed else ()


class SaleOrder(models.Model):
    _inherit = "sale.order"
    _cache_rules = (
        forgets(_analytics, _bestsellers, when=("state", "date_order", "company_id")),
        # Of prices, discounts and taxes of its lines.
        forgets(_analytics, when=("amount_total",)),
    )

    def write(self, vals):
        # Rules see the state that an order has then, and this one counted until now.
        if vals.get("state") in {"draft", "sent"} and (before := {*_analytics(self), *_bestsellers(self)}):
            invalidate(self.env, tags=before)
        return super().write(vals)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"
    _cache_rules = (forgets(_of_confirmed, when=("product_uom_qty", "product_id", "order_id")),)
