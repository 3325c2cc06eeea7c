"""Parameters of the cache, with a test of the connection."""

from __future__ import annotations

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError

from hitrate import Cache
from hitrate.exceptions import HitrateError
from hitrate.odoo import settings_of


def _ttl(kind, label):
    return fields.Integer(label, config_parameter=f"redis.ttl.{kind}")


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    # Without defaults: whoever saves any setting would otherwise overrule the environment.
    redis_host = fields.Char("Redis host", config_parameter="redis.host")
    redis_port = fields.Integer("Redis port", config_parameter="redis.port")
    redis_db = fields.Integer("Redis database", config_parameter="redis.db")
    redis_password = fields.Char("Redis password", config_parameter="redis.password")
    redis_ttl_details = _ttl("details", "Product details (s)")
    redis_ttl_seo = _ttl("seo", "SEO metadata (s)")
    redis_ttl_list = _ttl("list", "Product lists (s)")
    redis_ttl_facets = _ttl("facets", "Facets (s)")
    redis_ttl_analytics = _ttl("analytics", "Analytics (s)")
    redis_ttl_search = _ttl("search", "Search (s)")
    redis_ttl_recommendations = _ttl("recommendations", "Recommendations (s)")

    @api.model
    def default_get(self, fields):
        """Odoo reads parameters for whoever asks; where Redis is, and its password, is for administrators."""
        if not (self.env.su or self.env.user.has_group("base.group_system")):
            fields = [name for name in fields if not name.startswith("redis_")]
        return super().default_get(fields)

    def action_test_redis(self):
        """Save, and ask the server that is then configured."""
        self.ensure_one()
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(_("Only administrators may test the connection to Redis"))
        self.set_values()
        settings = settings_of(self.env)
        cache = Cache(settings.url, prefix=settings.prefix, timeout=2, on_error="raise")
        try:
            version = cache.server_info().get("redis_version", "?")
        except HitrateError as error:
            raise UserError(_("Redis cannot be reached: %s", error)) from error
        finally:
            cache.close()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": "success", "message": _("Connected to Redis %s", version)},
        }
