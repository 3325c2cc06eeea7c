"""What a wheel must do where it was just installed, without a server or other packages: `python -I tests/smoke.py`."""

from __future__ import annotations

import platform
import sys
import threading
from pathlib import Path


def threads() -> int:
    """How many this process has, those without Python included where the system tells."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


before = threads()

import hitrate  # noqa: E402 (what it starts is looked at)

cache = hitrate.Cache("memory://", prefix="smoke")
cache.set("key", {"numbers": [1, 2.5, None], "text": "é"}, ttl=60)
assert cache.get("key") == {"numbers": [1, 2.5, None], "text": "é"}
assert 0 < cache.ttl("key") <= 60
assert cache.add("counter", 1)
assert cache.incr("counter") == 2
assert threads() == before, f"{threads()} threads instead of {before}"
sys.stdout.write(f"hitrate {hitrate.__version__} works on CPython {platform.python_version()}, {platform.platform()}\n")
