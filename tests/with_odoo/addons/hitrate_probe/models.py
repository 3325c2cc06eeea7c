"""Steps of the tests, called over RPC by the administrator."""

from __future__ import annotations

import logging

from odoo import api, models
from odoo.addons.quelyos_ecommerce_cache.models.cached import cached as cached_as_before
from odoo.exceptions import UserError

from hitrate.odoo import cache_of, cached, invalidate

_logger = logging.getLogger(__name__)


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
    def delete_pattern(self, pattern):
        return self.env["redis.cache"].delete_pattern(pattern)

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
    def client(self):
        """Which client this worker has, and how often it connected."""
        stats = cache_of(self.env).stats()
        return {"id": id(cache_of(self.env)), "connects": stats["pool"]["connects"], "waiter": stats["waiter"]}
