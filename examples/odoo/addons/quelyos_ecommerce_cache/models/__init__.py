from __future__ import annotations

from . import (
    base,
    cached,
    catalogue,
    ecommerce_catalogue,
    ecommerce_producer,
    ir_config_parameter,
    redis_cache,
    res_config_settings,
    sale_order,
    stock,
    website,
)
