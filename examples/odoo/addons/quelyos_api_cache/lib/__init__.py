from __future__ import annotations

from . import cache, client, rate_limiter, requests, view_counter
