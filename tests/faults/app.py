"""A WSGI application whose cache was used before its server forked the workers, as ``gunicorn --preload`` does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import hitrate

cache = hitrate.Cache(os.environ["APP_CACHE_URL"], prefix="app", on_error="raise", timeout=60)
# Leaves connections open, for every worker to inherit.
cache.set("preloaded", os.getpid())
assert cache.get("preloaded") == os.getpid()


def crossed(reads: int) -> int:
    """Read keys that only this thread of this process has; count answers that are somebody else's, or nobody's."""
    me = f"{os.getpid()}:{threading.get_ident()}"
    for number in range(5):
        cache.set(f"{me}:{number}", [me, number])
    return sum(cache.get(f"{me}:{n % 5}") != [me, n % 5] for n in range(reads))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer ``/<reads>`` with the worker's process id and how many of so many reads went wrong."""
    answer = f"{os.getpid()} {crossed(int(environ['PATH_INFO'].strip('/')))}"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer.encode()]
