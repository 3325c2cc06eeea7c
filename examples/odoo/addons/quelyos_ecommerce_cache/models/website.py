"""
The visitor's pricelist, for which Odoo asks the database up to eight times in every request.

What it depends on is kept in the cache of the ORM, which Odoo clears when a pricelist, a website, a country or a system
parameter changes; what else it depends on clears it here.
"""

from __future__ import annotations

from odoo import api, models
from odoo.addons.website_sale.models.website import CART_SESSION_CACHE_KEY, PRICELIST_SESSION_CACHE_KEY
from odoo.http import request
from odoo.tools import ormcache


class Website(models.Model):
    _inherit = "website"

    def _get_and_cache_current_pricelist(self):
        """As Odoo's, without a query where the session names a pricelist that may be used, or nobody is known."""
        self.ensure_one()
        pricelists = self.env["product.pricelist"].sudo()
        is_on = self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist")
        # Of another website than the request's, Odoo mixes both.
        if not is_on or getattr(request, "website", None) != self:
            return super()._get_and_cache_current_pricelist()
        country, chosen = self._get_geoip_country_code(), request.session.get(PRICELIST_SESSION_CACHE_KEY)
        if chosen and self._may_use_pricelist(chosen, country):
            return pricelists.browse(chosen)
        if CART_SESSION_CACHE_KEY in request.session or not self.env.user._is_public():
            return super()._get_and_cache_current_pricelist()
        found = self._pricelist_of_strangers(country)
        request.session[PRICELIST_SESSION_CACHE_KEY] = found
        return pricelists.browse(found)

    @ormcache("self.id", "pricelist", "country")
    def _may_use_pricelist(self, pricelist, country):
        """Whether a session may go on with a pricelist, by Odoo's own conditions."""
        found = self.env["product.pricelist"].sudo().browse(pricelist).exists()
        return bool(found and found._is_available_on_website(self) and found._is_available_in_country(country))

    @ormcache("self.id", "self.env.uid", "self.env.company.id", "country")
    def _pricelist_of_strangers(self, country):
        """What Odoo gives a visitor without a login, a cart and a usable choice; it is the same for all of them."""
        return super()._get_and_cache_current_pricelist().id


class ResCountryGroup(models.Model):
    _inherit = "res.country.group"

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        written = super().write(vals)
        # Odoo gives a visitor whom nobody knows the pricelist of the website's public user.
        if {"country_id", "specific_property_product_pricelist", "property_product_pricelist"} & vals.keys():
            public = self.env["website"].sudo().search([]).user_id.partner_id
            if public & self:
                self.env.registry.clear_cache()
        return written
