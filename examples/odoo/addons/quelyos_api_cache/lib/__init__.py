from __future__ import annotations

from . import cache, client, rate_limiter, view_counter
