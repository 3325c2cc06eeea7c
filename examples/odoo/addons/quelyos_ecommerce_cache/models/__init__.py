from __future__ import annotations

from . import (
    base,
    catalogue,
    ecommerce_catalogue,
    ecommerce_producer,
    redis_cache,
    res_config_settings,
    sale_order,
    stock,
)
