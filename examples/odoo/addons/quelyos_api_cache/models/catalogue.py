"""Lists of products are forgotten when a product, its stock or its category changes."""

from __future__ import annotations

from odoo import fields, models

from hitrate.odoo import forgets

_MATTERS = (
    *("name", "active", "sale_ok", "is_published", "list_price", "website_id", "company_id", "currency_id"),
    *("description_sale", "public_categ_ids", "attribute_line_ids", "image_1920", "qty_available", "website_sequence"),
)


class ProductTemplate(models.Model):
    _inherit = "product.template"
    x_view_count = fields.Integer("Counted views", default=0, copy=False, readonly=True)

    _cache_rules = (forgets("api:products", "api:product:{id}", when=_MATTERS),)


class ProductTemplateAttributeLine(models.Model):
    _inherit = "product.template.attribute.line"
    # Odoo's wizard and others write the line itself, which is no change of the product's field.
    _cache_rules = (forgets("api:products", when=("product_tmpl_id", "attribute_id", "value_ids", "active")),)


class ProductPublicCategory(models.Model):
    _inherit = "product.public.category"
    _cache_rules = (forgets("api:products", when=("name", "parent_id", "product_tmpl_ids")),)


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"
    _cache_rules = (forgets("api:products"),)
