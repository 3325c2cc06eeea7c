"""What the metrics are called, that they say all that the statistics say, and how counters survive their caches."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.registry import Collector

import hitrate
from hitrate.metrics import collector
from hitrate.metrics.families import FAMILIES, samples
from hitrate.metrics.sources import MOST_PREFIXES

# Nobody listens there: every read is a miss, and the breaker opens.
NOWHERE = "redis://127.0.0.1:1/0"
# What `stats()` says twice, what can be computed from the rest, and what was chosen and not counted.
LEFT_OUT = {"hit_rate", "timeouts", "round_trips", "pool.open", "staged_wait.enabled", "latency.count", "waiter"}

ABBREVIATIONS = r"_(ms|us|ns|s|sec|secs|kb|mb|kib|mib|b|pct|percent|millis\w*|micros\w*|minutes|hours|kilo\w*)(_|$)"


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of other tests of this process, which Django keeps, use up the names that there may be."""
    monkeypatch.setattr("hitrate.cache._live", {})
    monkeypatch.setattr("hitrate.metrics.sources.naming", [])


def new_cache(prefix: str = "unit", **options: Any) -> hitrate.Cache:
    return hitrate.Cache(NOWHERE, prefix=prefix, timeout=0.2, **options)


def scrape(found: Collector) -> dict[str, Metric]:
    """Register, expose as Prometheus reads it, and parse with prometheus_client's own parser."""
    registry = CollectorRegistry()
    registry.register(found)
    return {metric.name: metric for metric in parse(generate_latest(registry).decode())}


def value(found: Collector, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(found)
    return registry.get_sample_value(name, labels)


def leaves(stats: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, item in stats.items():
        if item is None:
            continue
        if isinstance(item, dict):
            yield from leaves(item, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def changed(stats: dict[str, Any], path: str) -> dict[str, Any]:
    """The statistics with another number, or state, at a path."""
    name, _, rest = path.partition(".")
    item = stats[name]
    if rest:
        new: Any = changed(item, rest)
    elif isinstance(item, str):
        new = {"open": "closed", "closed": "open"}.get(item, "other")
    elif isinstance(item, list):
        new = [(bound, count + 1) for bound, count in item]
    else:
        new = item + 1
    return {**stats, name: new}


@pytest.mark.parametrize("url", [NOWHERE, "memory://"])
def test_every_number_of_the_statistics_is_a_metric_or_left_out_for_a_reason(url: str) -> None:
    cache = hitrate.Cache(url)
    hitrate.RateLimiter(cache, hitrate.Limit("1/minute", name="limit"))
    stats = cache.stats()
    before = samples("x", stats)
    unseen = {path for path in leaves(stats) if samples("x", changed(stats, path)) == before}
    assert unseen == LEFT_OUT, "give it a metric in python/hitrate/metrics/families.py, or say here why it has none"


def test_names_and_help_are_as_prometheus_wants_them() -> None:
    """The rules of ``promtool check metrics`` and of https://prometheus.io/docs/practices/naming/."""
    limited, near = hitrate.Cache("memory://"), hitrate.Cache("redis://localhost:1", local=True)
    hitrate.RateLimiter(limited, "1/minute")
    metrics = scrape(collector({"unit": limited, "near": near}))
    # A feed that never began has no age.
    assert {family.name for family in FAMILIES} - set(metrics) == {"hitrate_local_feed_age_seconds"}
    for name, metric in metrics.items():
        assert re.fullmatch(r"hitrate_[a-z]+(_[a-z]+)*", name)
        assert re.fullmatch(r"[A-Z0-9].*\.", metric.documentation)
        assert not re.search(ABBREVIATIONS, name)
        assert not re.search(r"_(total|count|sum|bucket|info|counter|gauge|histogram)$", name)
        assert all(sample.name.endswith("_total") for sample in metric.samples) == (metric.type == "counter")
        assert not {"cache", "kind", "state", "outcome", "reason", "rule"} & set(name.split("_")[1:-1])
        labels = {label for sample in metric.samples for label in sample.labels}
        assert labels <= {"cache", "kind", "state", "outcome", "reason", "rule", "le"}
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_an_embedded_store_tells_its_size() -> None:
    cache = hitrate.Cache("memory://", prefix="embedded")
    cache.set("a", "x" * 1000)
    found = collector({"embedded": cache, "elsewhere": new_cache()})
    size = value(found, "hitrate_memory_bytes", cache="embedded")
    assert size is not None
    assert size > 1000
    assert value(found, "hitrate_memory_entries", cache="embedded") == 1
    assert value(found, "hitrate_memory_evictions_total", cache="embedded") == 0
    assert value(found, "hitrate_memory_bytes", cache="elsewhere") is None


def test_a_limiter_tells_what_became_of_calls() -> None:
    cache = hitrate.Cache("memory://", prefix="limited")
    limiter = hitrate.RateLimiter(cache, "2/hour, 5/day", "fixed_window")
    found = collector({"limited": cache})
    decisions = "hitrate_rate_decisions_total"
    assert value(found, decisions, cache="limited", rule="2/hour", outcome="refused") == 0
    for _ in range(6):
        limiter.hit("somebody")
    assert value(found, decisions, cache="limited", rule="2/hour", outcome="allowed") == 2
    assert value(found, decisions, cache="limited", rule="2/hour", outcome="refused") == 4
    assert value(found, decisions, cache="limited", rule="5/day", outcome="allowed") == 2
    assert value(found, decisions, cache="limited", rule="5/day", outcome="refused") == 0
    assert value(found, "hitrate_rate_fallbacks_total", cache="limited", rule="2/hour") == 0
    away = new_cache()
    hitrate.RateLimiter(away, "2/hour").hit("somebody")
    assert value(collector({"away": away}), "hitrate_rate_fallbacks_total", cache="away", rule="2/hour") == 1


def test_each_cache_has_as_many_series_before_its_first_call_as_ever() -> None:
    cache = new_cache()
    found = collector({"unit": cache})
    before = {(s.name, *s.labels.items()) for metric in found.collect() for s in metric.samples}
    cache.get("a")
    cache.delete("a")
    assert {(s.name, *s.labels.items()) for metric in found.collect() for s in metric.samples} == before
    assert len(before) < 100


def test_both_text_formats_are_read_back() -> None:
    registry = CollectorRegistry()
    registry.register(collector({'a "quoted"\nname\\': new_cache()}))
    for text, read in ((generate_latest(registry), parse), (generate_openmetrics(registry), parse_openmetrics)):
        for metric in read(text.decode()):
            assert {sample.labels["cache"] for sample in metric.samples} == {'a "quoted"\nname\\'}


def test_the_breaker_is_one_in_its_state_and_zero_in_the_other() -> None:
    cache = new_cache()
    found = collector({"unit": cache})
    assert value(found, "hitrate_breaker_state", cache="unit", state="closed") == 1
    cache.get("a")
    assert value(found, "hitrate_breaker_state", cache="unit", state="closed") == 0
    assert value(found, "hitrate_breaker_state", cache="unit", state="open") == 1
    assert value(found, "hitrate_breaker_openings_total", cache="unit") == 1
    cache.delete("a")
    assert value(found, "hitrate_journal_entries", cache="unit") == 1


def test_without_names_a_cache_is_called_by_its_prefix_and_two_of_one_prefix_are_added_up() -> None:
    one, two, nameless = new_cache("prefix-of-two"), new_cache("prefix-of-two"), hitrate.Cache(NOWHERE)
    for cache in (one, two, nameless):
        cache.get("a")
    found = collector()
    assert value(found, "hitrate_misses_total", cache="prefix-of-two") == 2
    assert value(found, "hitrate_misses_total", cache="unnamed") == 1


def test_what_a_cache_counted_stays_when_it_is_gone() -> None:
    cache = new_cache("goes")
    found = collector()
    cache.get("a")
    assert value(found, "hitrate_misses_total", cache="goes") == 1
    del cache
    gc.collect()
    assert value(found, "hitrate_misses_total", cache="goes") == 1
    assert value(found, "hitrate_breaker_state", cache="goes", state="open") is None
    again = new_cache("goes")
    again.get("a")
    assert value(found, "hitrate_misses_total", cache="goes") == 2


def test_a_prefix_per_tenant_makes_a_bounded_number_of_labels() -> None:
    tenants = [new_cache(f"tenant-{number}") for number in range(MOST_PREFIXES + 20)]
    found = collector()
    metrics = scrape(found)
    assert len({sample.labels["cache"] for sample in metrics["hitrate_misses"].samples}) == MOST_PREFIXES + 1
    tenants[-1].get("a")
    assert value(found, "hitrate_misses_total", cache="other") == 1


def test_a_second_collector_in_one_registry_is_refused() -> None:
    registry = CollectorRegistry()
    registry.register(collector())
    with pytest.raises(ValueError, match="hitrate_hits"):
        registry.register(collector())


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(hitrate.ConfigError, match="'shop' is a dict"):
        collector({"shop": {}})  # type: ignore[dict-item]
    for wrong in (0, -1, float("nan"), float("inf"), "5", None, timedelta(0)):
        with pytest.raises(hitrate.ConfigError, match="'interval' must be a positive number of seconds"):
            collector(interval=wrong)  # type: ignore[arg-type]


def test_a_missing_prometheus_client_is_said_with_what_to_install() -> None:
    program = """
import sys
sys.modules["prometheus_client"] = None
import hitrate.metrics
hitrate.metrics.publish()
try:
    hitrate.metrics.collector()
except hitrate.ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'hitrate[metrics]'" in done.stdout
