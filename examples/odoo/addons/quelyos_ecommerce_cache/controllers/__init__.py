from __future__ import annotations

from . import cache, products, rate_limiter
