"""Once per database and process it is said whether there is a server."""

from __future__ import annotations

from odoo import models

from ..lib.client import say_whether_connected


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def _register_hook(self):
        super()._register_hook()
        say_whether_connected(self.env)
