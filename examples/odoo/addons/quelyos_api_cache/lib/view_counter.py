"""One view of a product counts once a minute for each address."""

from __future__ import annotations

import logging
from functools import partial

from odoo.sql_db import db_connect

from hitrate.layouts.quelyos_api import view_count_allowed
from hitrate.odoo import client_address

from . import client

_logger = logging.getLogger(__name__)
# Longer, somebody who changes the product may keep its row from being counted on.
PATIENCE = "1s"


def check_view_count_rate_limit(httprequest, product_id):
    """Tell whether a view is to be counted; while the server is away each worker counts for itself."""
    try:
        return view_count_allowed(client.cache(), client_address(httprequest), product_id)
    except Exception as error:  # noqa: BLE001 (a counter must not cost the visitor the page)
        _logger.warning("Error in view count rate limiting: %s", error)
        return False


def count_after_commit(cr, product_id):
    """Count a view in a transaction of its own, once that of a cursor is committed, which it cannot make fail."""
    cr.postcommit.add(partial(_count, cr.dbname, product_id))


def _count(database, product_id):
    # By SQL: a view is no change of the product. Two first views at a time are both counted, one after the other: at
    # Odoo's own isolation the second one would fail.
    try:
        with db_connect(database).cursor() as cr:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cr.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cr.execute(
                "UPDATE product_template SET x_view_count = coalesce(x_view_count, 0) + 1 WHERE id = %s", [product_id]
            )
    except Exception as error:  # noqa: BLE001 (the page is committed, and a counter must not cost the visitor it)
        _logger.warning("A view of product %d was not counted: %s", product_id, error)
