from __future__ import annotations

from . import test_cache_service, test_quelyos_cache, test_rate_limiter
