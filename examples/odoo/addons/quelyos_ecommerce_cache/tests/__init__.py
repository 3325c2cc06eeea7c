from __future__ import annotations

from . import test_producers, test_redis_cache
