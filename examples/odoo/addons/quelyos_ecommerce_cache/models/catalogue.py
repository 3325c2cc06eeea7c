"""What a change of the catalogue forgets: its products' details, and all lists."""

from __future__ import annotations

from odoo import api, fields, models

from hitrate.layouts.quelyos_ecommerce import product_key
from hitrate.odoo import forgets, invalidate, settings_of

LISTS = ("products", "search", "recommendations")


def _those_that_recommend(products):
    """Products whose details name these as alternatives, if they are on sale."""
    # One of this transaction is named by nothing that is kept.
    older = products.sudo().filtered(lambda product: product.create_date < product.env.cr.now())
    if not older:
        return []
    named = older.with_context(active_test=False).search([("alternative_product_ids", "in", older.ids)])
    return [f"product:{number}" for number in named.ids]


class ProductTemplate(models.Model):
    _inherit = "product.template"
    # A counted view is no change of the product: the column is written by SQL, and named by no rule.
    view_count = fields.Integer("Views", default=0, copy=False, readonly=True)

    _cache_rules = (
        forgets(
            "product:{id}",
            *LISTS,
            when=(
                *(
                    "name",
                    "active",
                    "sale_ok",
                    "is_published",
                    "website_id",
                    "website_sequence",
                    "company_id",
                    "create_date",
                ),
                *("list_price", "compare_list_price", "currency_id", "taxes_id", "uom_id"),
                *("description_sale", "description_ecommerce", "image_1920", "product_template_image_ids"),
                *("categ_id", "public_categ_ids", "attribute_line_ids", "alternative_product_ids"),
                *("is_storable", "allow_out_of_stock_order", "type"),
                *("seo_name", "website_meta_title", "website_meta_description", "website_meta_keywords"),
                *("website_meta_og_img", "product_tag_ids"),
            ),
        ),
        forgets(_those_that_recommend, when=("active", "sale_ok", "is_published", "website_id", "company_id")),
        # Computed from stock moves, of whatever kind they are.
        forgets("product:{id}", *LISTS, when=("qty_available", "virtual_available")),
    )

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        created._forget_originals()
        return created

    def write(self, vals):
        written = super().write(vals)
        self._forget_originals()
        return written

    def unlink(self):
        self._forget_originals()
        return super().unlink()

    def _forget_originals(self):
        """While old workers run, delete what they read, as they do: walks over the keys, so only then."""
        if self and settings_of(self.env).has_old_workers:
            keys = [product_key(kind, number) for kind in ("api", "seo", "details") for number in self.ids]
            invalidate(self.env, ("products:list:*", "products:facets:*"), keys=keys)


class ProductProduct(models.Model):
    _inherit = "product.product"
    _cache_rules = (
        forgets(
            "product:{product_tmpl_id}",
            *LISTS,
            when=(
                "active",
                "default_code",
                "barcode",
                "price_extra",
                # Rules of prices may begin with the cost.
                "standard_price",
                "product_template_attribute_value_ids",
                "product_tmpl_id",
            ),
        ),
    )


class ProductTag(models.Model):
    _inherit = "product.tag"
    # A tag that is deleted is no change of its products' field, as one that is taken from them is.
    _cache_rules = (forgets("product:{product_template_ids}", *LISTS, when=("product_template_ids",)),)


class ProductCategory(models.Model):
    _inherit = "product.category"
    # Rules of prices hold for what is below a category.
    _cache_rules = (forgets("prices", *LISTS, when=("parent_id",)),)


class ProductTemplateAttributeLine(models.Model):
    _inherit = "product.template.attribute.line"
    _cache_rules = (
        forgets("product:{product_tmpl_id}", *LISTS, when=("product_tmpl_id", "attribute_id", "value_ids", "active")),
    )


class ProductAttribute(models.Model):
    _inherit = "product.attribute"
    _cache_rules = (forgets("product:{attribute_line_ids.product_tmpl_id}", *LISTS, when=("name",)),)


class ProductAttributeValue(models.Model):
    _inherit = "product.attribute.value"
    _cache_rules = (forgets("product:{pav_attribute_line_ids.product_tmpl_id}", *LISTS, when=("name", "attribute_id")),)


class ProductImage(models.Model):
    _inherit = "product.image"
    _cache_rules = (forgets("product:{product_tmpl_id}", "product:{product_variant_id.product_tmpl_id}"),)


class ProductPublicCategory(models.Model):
    _inherit = "product.public.category"
    _cache_rules = (
        forgets("categories", *LISTS, when=("name", "parent_id", "sequence", "website_id", "product_tmpl_ids")),
    )


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"
    _cache_rules = (forgets("prices", *LISTS),)


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"
    _cache_rules = (forgets("prices", *LISTS, when=("currency_id", "item_ids", "active")),)


class ResCurrencyRate(models.Model):
    _inherit = "res.currency.rate"
    _cache_rules = (forgets("prices", *LISTS),)


class ResCurrency(models.Model):
    _inherit = "res.currency"
    _cache_rules = (forgets("prices", *LISTS, when=("symbol", "name", "rounding", "position")),)


class ResCompany(models.Model):
    _inherit = "res.company"
    _cache_rules = (forgets("prices", *LISTS, when=("currency_id",)),)


class Website(models.Model):
    _inherit = "website"
    _cache_rules = (forgets("prices", "categories", *LISTS, when=("domain", "company_id", "default_lang_id", "name")),)
