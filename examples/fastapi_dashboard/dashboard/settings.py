"""What the environment says. See the README for what each variable means."""

from __future__ import annotations

import os

CACHE_URL = os.environ.get("HITRATE_URL") or os.environ.get("REDIS_URL") or "redis://localhost:6379/0"
# What keys begin with; the original's begin with nothing.
KEY_PREFIX = os.environ.get("DASHBOARD_KEY_PREFIX", "")
DATABASE_URL = os.environ.get("DATABASE_URL") or "sqlite+aiosqlite:///dashboard.sqlite3"
if DATABASE_URL.startswith("postgres"):
    DATABASE_URL = "postgresql+asyncpg://" + DATABASE_URL.partition("://")[2]
