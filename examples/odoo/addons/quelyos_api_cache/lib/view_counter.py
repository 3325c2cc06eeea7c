"""One view of a product counts once a minute for each address."""

from __future__ import annotations

import logging

from hitrate.layouts.quelyos_api import view_count_allowed
from hitrate.odoo import client_address

from . import client

_logger = logging.getLogger(__name__)


def check_view_count_rate_limit(httprequest, product_id):
    """Tell whether a view is to be counted; while the server is away each worker counts for itself."""
    try:
        return view_count_allowed(client.cache(), client_address(httprequest), product_id)
    except Exception as error:  # noqa: BLE001 (a counter must not cost the visitor the page)
        _logger.warning("Error in view count rate limiting: %s", error)
        return False
