"""The two functions that users call. The first imports `prometheus.py`, which needs prometheus_client."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hitrate.cache import Cache
from hitrate.exceptions import ConfigError

if TYPE_CHECKING:
    from prometheus_client.registry import Collector


def collector(caches: Mapping[str, Cache] | None = None, *, interval: float | timedelta = 5.0) -> Collector:
    """
    Make a collector for prometheus_client: ``REGISTRY.register(hitrate.metrics.collector())``.

    With ``PROMETHEUS_MULTIPROC_DIR`` set, the numbers of this process are written to prometheus_client's files there
    instead, by a thread that this call starts, and in forked children by a thread of theirs; ``MultiProcessCollector``
    adds them up. The collector itself then yields nothing, and writes once more when it is asked.

    Args:
        caches: by what their label ``cache`` shall say. None: all of this process, those of Django by their alias,
            others by their prefix; after fifty prefixes as ``other``.
        interval: seconds between two writes to these files. The first call decides.

    Returns:
        A collector to register, once, with a registry.

    Raises:
        ConfigError: prometheus_client is not installed, or `caches` holds something else than caches.
    """
    for name, cache in ({} if caches is None else caches).items():
        if not isinstance(cache, Cache):
            raise ConfigError(
                f"'caches' must hold hitrate.Cache objects, and '{name}' is a {type(cache).__name__}; "
                "caches of Django are found by themselves: leave 'caches' out"
            )
    seconds: Any = interval.total_seconds() if isinstance(interval, timedelta) else interval
    if not isinstance(seconds, int | float) or not 0 < seconds < threading.TIMEOUT_MAX:
        raise ConfigError(f"'interval' must be a positive number of seconds, not {interval!r}")
    try:
        from hitrate.metrics import prometheus
    except ImportError as error:
        raise ConfigError(
            f"hitrate.metrics.collector() needs prometheus_client ({error}); "
            "install it with: pip install 'hitrate[metrics]'"
        ) from error
    return prometheus.make(caches, float(seconds))


def publish() -> None:
    """
    Write the numbers of this process to the files of prometheus_client's multiprocess mode now.

    A thread does so every few seconds, and the end of the interpreter does. Call it where neither can: at the end of a
    process that leaves by ``os._exit()`` as those of ``multiprocessing`` do, and after requests under a server that
    runs no threads. Without multiprocess mode, and before `collector`, there is nothing to write.

    Raises:
        OSError: the files cannot be written.
    """
    prometheus = sys.modules.get("hitrate.metrics.prometheus")
    if prometheus is not None:
        prometheus.publish()
