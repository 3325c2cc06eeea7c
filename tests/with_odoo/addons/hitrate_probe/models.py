"""Steps of the tests, called over RPC by the administrator."""

from __future__ import annotations

import logging
import os
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.quelyos_api_cache.lib.cache import get_cache_service
from odoo.addons.quelyos_ecommerce_cache.models.cached import cached as cached_as_before
from odoo.exceptions import UserError
from odoo.http import request

from hitrate.odoo import cache_of, cached, forgets, invalidate, remember

_logger = logging.getLogger(__name__)

# What each part of `vary` is about, as a method sees it.
SEEN = {
    "currency": lambda env: env["website"].get_current_website().currency_id.name,
    "groups": lambda env: env.user.has_group("base.group_user"),
    "host": lambda env: request.httprequest.host,
    "lang": lambda env: env.lang,
    "pricelist": lambda env: env.context.get("pricelist"),
    "timezone": lambda env: env.context.get("tz") or env.user.tz,
    "website": lambda env: env["website"].get_current_website().id,
}


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @cached(300, vary=["company", "lang"], tags=lambda self, **_: [f"product:{number}" for number in self.ids])
    def shop_details(self):
        """Callable by everybody, as the name of a public method is."""
        return self.mapped("name")


class ResPartnerCategory(models.Model):
    _inherit = "res.partner.category"
    _cache_rules = (forgets("category:{id}", when=["nmae"]),)

    @cached(300, vary=(), tags=lambda self: [f"category:{self.id}"])
    def _told(self):
        return self.name

    @cached(0.001, vary=(), stale=600)
    def _old(self):
        return self.name

    def told(self):
        return self._told()

    def old(self):
        return self._old()


class ResPartnerCategoryInAnotherAddon(models.Model):
    _inherit = "res.partner.category"

    # Not fresh any more when it is asked for again.
    @cached(0.001, vary=(), stale=600)
    def _old(self):
        return f"{super()._old()}!"


class ResPartner(models.Model):
    _inherit = "res.partner"
    # The lines of a customer, to which others lead back.
    _cache_rules = (forgets("children:{id}", when=["child_ids"]),)


class HitrateProbe(models.AbstractModel):
    _name = "hitrate.probe"
    _description = "Steps of hitrate's tests"

    @api.model
    def price(self, product_id, wait_for=None):
        """The cached price; whoever computes it waits for an advisory lock after reading."""
        return self._price(product_id, wait_for)

    @cached(300, vary=(), tags=lambda self, product_id, wait_for=None: [f"product:{product_id}"])
    def _price(self, product_id, wait_for=None):
        price = self.env["product.template"].browse(product_id).list_price
        if wait_for is not None:
            self.env.cr.execute("SELECT pg_advisory_lock_shared(%s)", [wait_for])
            self.env.cr.execute("SELECT pg_advisory_unlock_shared(%s)", [wait_for])
        return price

    @api.model
    def keyed(self, *args, **kwargs):
        return self._keyed(*args, **kwargs)

    @cached(300, vary=("lang", "company"))
    def _keyed(self, first, second=None, third=None):
        """None for nothing given, so that a None is seen to be kept."""
        _logger.info("computed %r %r %r", first, second, third)
        return None if second is None else [first, second, third]

    @api.model
    def keyed_by_record(self):
        return self._keyed(self.env.user)

    @api.model
    def as_before(self, *args, **kwargs):
        return self._as_before(*args, **kwargs)

    @cached_as_before("probe:before", expire=120)
    def _as_before(self, first=None, second=None):
        """None for nothing given, so that a None is seen to be kept."""
        _logger.info("computed before %r %r", first, second)
        return None if first is None else [first, second, self.env.user.login, self.env.context.get("to_date")]

    @api.model
    def delete(self, key):
        return self.env["redis.cache"].delete(key)

    @api.model
    def delete_and_count(self, key):
        """Delete a key at once; tell how many round trips that took."""
        cache = cache_of(self.env)
        before = cache.stats()["round_trips"]
        self.env["redis.cache"].delete(key)
        return cache.stats()["round_trips"] - before

    @api.model
    def delete_pattern(self, pattern):
        return self.env["redis.cache"].delete_pattern(pattern)

    @api.model
    def redis_cache(self, method, *args, **kwargs):
        """A call of the first addon's model, as another addon makes it."""
        return getattr(self.env["redis.cache"], method)(*args, **kwargs)

    @api.model
    def cache_service(self, method, *args, **kwargs):
        """A call of the second addon's service."""
        return getattr(get_cache_service(self.env), method)(*args, **kwargs)

    @api.model
    def companies(self):
        return self._companies()

    @cached(300, vary=["company"])
    def _companies(self):
        return self.env.companies.ids

    @api.model
    def write_and_read(self, product_id, price):
        self.env["product.template"].browse(product_id).list_price = price
        return self._price(product_id)

    @api.model
    def write_and_fail(self, product_id, price):
        self.env["product.template"].browse(product_id).list_price = price
        raise UserError("rolled back")

    @api.model
    def write_in_savepoint(self, product_id, price):
        """A change that a savepoint takes back, and another one that stays."""
        product = self.env["product.template"].browse(product_id)
        try:
            with self.env.cr.savepoint():
                product.list_price = price
                raise UserError("rolled back to the savepoint")
        except UserError:
            return product.list_price

    @api.model
    def write_with_bad_hook(self, product_id, price):
        def fail():
            raise ValueError("a hook of somebody else")

        self.env.cr.postcommit.add(fail)
        self.env["product.template"].browse(product_id).list_price = price

    @api.model
    def follow(self, product_id, steps):
        """Do as the steps say, in one worker, and return what was read."""
        product = self.env["product.template"].browse(product_id)
        read = []
        for step, price in steps:
            if step == "write":
                product.list_price = price
            elif step == "savepoint":
                self.write_in_savepoint(product_id, price)
            elif step == "read":
                read.append(self._price(product_id))
            else:
                getattr(self.env.cr, step)()
                self.env.invalidate_all()
        return read

    @api.model
    def invalidate(self, tags):
        invalidate(self.env, tags=tags)

    @api.model
    def sell(self, product_ids):
        """Confirm an order with a line for each product, deliver it, and log what that cost the cache."""
        cache = cache_of(self.env)
        before = cache.stats()["round_trips"]
        order = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "Customer"}).id,
                "order_line": [(0, 0, {"product_id": number, "product_uom_qty": 1}) for number in product_ids],
            }
        )
        order.action_confirm()
        for picking in order.picking_ids:
            picking.move_ids.quantity = 1
            picking.move_ids.picked = True
            picking.button_validate()
        self.env.flush_all()
        until_commit = cache.stats()["round_trips"] - before

        def say():
            _logger.info(
                "round trips: %d before the commit, %d after", until_commit, cache.stats()["round_trips"] - before
            )

        self.env.cr.postcommit.add(say)
        return order.picking_ids.mapped("state")

    @api.model
    def part(self, part):
        """What a method sees that declares one part."""
        return remember(self.env, f"probe:part:{part}", SEEN[part], ttl=300, vary=[part]).value

    @cached(300, vary=())
    def _name_of(self, model, number):
        """Without a tag, so that nobody can say what it is made of."""
        return self.env[model].browse(number).name

    @cached(300, vary=(), tags=["probe:nobody"])
    def _tagged_name_of(self, model, number):
        return self.env[model].browse(number).name

    @api.model
    def create_and_name(self, method):
        partner = self.env["res.partner"].create({"name": "Just made"})
        return getattr(self, method)("res.partner", partner.id)

    @api.model
    def name(self, method, model, number):
        return getattr(self, method)(model, number)

    @api.model
    def rename_and_name(self, method, model, number, name, by):
        """Change a record in a way of which no rule hears, and ask for it in the same transaction."""
        if by == "orm":
            self.env[model].browse(number).name = name
        else:
            self.env.cr.execute(f"UPDATE {self.env[model]._table} SET name = %s WHERE id = %s", [name, number])
            self.env[model].invalidate_model()
        return getattr(self, method)(model, number)

    @cached(300, vary=())
    def _count_up(self, parameter):
        """A method that is kept and changes data, which it should not."""
        record = self.env["ir.config_parameter"].sudo().search([("key", "=", parameter)])
        record.value = str(int(record.value) + 1)
        return record.value

    @api.model
    def count_up(self, parameter):
        return self._count_up(parameter)

    @cached(300, vary=(), tags=["probe:parameter"])
    def _parameter(self):
        return self.env["ir.config_parameter"].sudo().get_param("probe.parameter")

    @api.model
    def parameter(self):
        return {"value": self._parameter(), "pid": os.getpid()}

    @api.model
    def set_parameter(self, value, wait_for):
        """Commit a parameter, and be held up before Odoo tells other workers of it."""
        self.env["ir.config_parameter"].set_param("probe.parameter", value)
        invalidate(self.env, tags=["probe:parameter"])
        registry = self.env.registry

        def wait():
            with registry.cursor() as cr:
                cr.execute("SELECT pg_advisory_lock_shared(%s)", [wait_for])
                cr.execute("SELECT pg_advisory_unlock_shared(%s)", [wait_for])

        self.env.cr.postcommit.add(wait)

    @cached(300, vary=())
    def _shapes(self):
        return {1: "a", "pair": (1, 2)}

    @api.model
    def shapes(self):
        return [repr(self._shapes()) for _ in range(2)]

    @api.model
    def forget_keyed(self, first, *, fails=False):
        self._keyed_by_lang.forget(self, first)
        if fails:
            raise UserError("rolled back")

    @api.model
    def keyed_by_lang(self, first):
        return self._keyed_by_lang(first)

    @cached(300, vary=["lang"])
    def _keyed_by_lang(self, first):
        _logger.info("computed by language %r", first)
        return self.env.lang

    @api.model
    def forget_keys(self, keys):
        """Forget keys, and log what that costs."""
        cache, before = cache_of(self.env), cache_of(self.env).stats()["round_trips"]
        invalidate(self.env, keys=keys)
        self.env.cr.postcommit.add(
            lambda: _logger.info("round trips for keys: %d", cache.stats()["round_trips"] - before)
        )

    @cached(300, vary=(), tags=lambda self, number: [f"children:{number}"])
    def _children_of(self, number):
        return self.env["res.partner"].browse(number).child_ids.mapped("name")

    @api.model
    def children_of(self, number):
        return self._children_of(number)

    @api.model
    def api_key(self):
        return self.env["res.users.apikeys"]._generate("rpc", "probe", fields.Datetime.now() + timedelta(days=1))

    def init(self):
        """While modules are being installed and upgraded."""
        super().init()
        caller = self.env.cr
        remember(
            self.env,
            "probe:installing",
            lambda env: _logger.info("computed during installation with the caller's cursor: %s", env.cr is caller),
            ttl=300,
            vary=(),
        )

    @api.model
    def client(self):
        """Which client this worker has, and how often it connected."""
        stats = cache_of(self.env).stats()
        return {"id": id(cache_of(self.env)), "connects": stats["pool"]["connects"], "waiter": stats["waiter"]}
