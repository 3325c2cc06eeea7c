"""A WSGI application with metrics, for several workers: ``/<reads>`` reads so many keys, ``/metrics`` is scraped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

import hitrate
import hitrate.metrics

cache = hitrate.Cache(os.environ["APP_CACHE_URL"], prefix="app", timeout=60)
cache.set("there", 1)
own = hitrate.metrics.collector({"app": cache}, interval=0.1)
registry = CollectorRegistry()
registry.register(own)
MultiProcessCollector(registry)  # type: ignore[no-untyped-call]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"].strip("/")
    if path == "metrics":
        answer = generate_latest(registry)
    else:
        for _ in range(int(path)):
            cache.get("there")
        answer = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
