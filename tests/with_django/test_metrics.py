"""Django's caches in the metrics, and the statistics of a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import caches
from django.test.utils import override_settings
from prometheus_client import CollectorRegistry

from hitrate.metrics import collector
from hitrate.testing import Endpoint

OURS = "hitrate.django.RedisCache"


@contextmanager
def settings_of(**aliases: dict[str, Any]) -> Iterator[Callable[..., float | None]]:
    """Use these caches; yields what a scrape finds."""
    with override_settings(CACHES=aliases):
        registry = CollectorRegistry()
        registry.register(collector())
        yield lambda name, **labels: registry.get_sample_value(f"hitrate_{name}", labels)


def test_stats_of_the_backend_are_those_of_the_cache_below(django_cache: Any) -> None:
    django_cache.set("a", 1)
    django_cache.get("a")
    django_cache.get("b")
    stats = django_cache.stats()
    assert (stats["sets"], stats["hits"], stats["misses"]) == (1, 1, 1)


def test_caches_are_called_by_their_alias_used_or_not(server: Endpoint, prefix: str) -> None:
    one = {"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": f"{prefix}-one"}
    two = {"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": f"{prefix}-two"}
    other = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    with settings_of(default=one, sessions=two, local=other) as value:
        caches["default"].get("absent")
        assert value("misses_total", cache="default") == 1
        assert value("misses_total", cache="sessions") == 0
        assert value("misses_total", cache="local") is None
        assert value("misses_total", cache=f"{prefix}-one") is None


def test_two_aliases_of_one_cache_are_counted_once(server: Endpoint, prefix: str) -> None:
    same = {"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": prefix}
    with settings_of(default=same, again=same) as value:
        caches["default"].get("absent")
        caches["again"].get("absent")
        assert value("misses_total", cache="default") == 2
        assert value("misses_total", cache="again") is None


def test_a_cache_with_wrong_settings_does_not_hide_the_others(server: Endpoint, prefix: str) -> None:
    wrong = {"BACKEND": OURS, "LOCATION": "http://localhost"}
    right = {"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": prefix}
    with settings_of(default=wrong, right=right) as value:
        caches["right"].get("absent")
        assert value("misses_total", cache="right") == 1
        assert value("misses_total", cache="default") is None
