"""Every model tells of its changes, so that rules of any model are heard."""

from __future__ import annotations

from odoo import models

from hitrate.odoo import CacheMixin


class Base(CacheMixin, models.AbstractModel):
    _inherit = "base"
