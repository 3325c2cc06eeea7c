"""The collector, and the files of prometheus_client's multiprocess mode."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from hitrate import hooks
from hitrate.cache import Cache
from hitrate.metrics.families import FAMILIES, Family, Series
from hitrate.metrics.sources import Everything, Source, given
from hitrate.metrics.tally import Tally

Samples = Mapping[Series, float]


def make(caches: Mapping[str, Cache] | None, interval: float) -> Collector:
    """Make the collector that fits the mode prometheus_client is in; see `hitrate.metrics.collector`."""
    # prometheus_client decided this once and for all when it was imported, by the same variable.
    if values.ValueClass._multiprocess:  # noqa: SLF001
        publisher.add(caches, interval)
        return PublishingCollector()
    return LocalCollector(Everything() if caches is None else given(caches))


def publish() -> None:
    """Write the files now; see `hitrate.metrics.publish`."""
    publisher.publish()


class LocalCollector(Collector):
    """Yields the numbers of this process."""

    def __init__(self, source: Source) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._tally = Tally()
        self._tally.sources.append(source)

    def describe(self) -> Iterable[Metric]:
        """Yield the metrics without numbers, so that registering asks no cache, and a second time fails."""
        return [_empty(family) for family in FAMILIES]

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        if self._pid != os.getpid():
            # A thread that a forked child does not have may have held the old one.
            self._pid, self._lock = os.getpid(), threading.Lock()
        with self._lock:
            samples = self._tally.read()
        return metrics(samples)


class PublishingCollector(Collector):
    """Brings the files of this process up to date. What stands in all files is yielded by ``MultiProcessCollector``."""

    def describe(self) -> Iterable[Metric]:
        """Claim no name."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Write, and yield nothing."""
        publisher.publish()
        return []


def metrics(samples: Samples) -> Iterable[Metric]:
    """Make prometheus_client's objects of samples."""
    for family in FAMILIES:
        metric = _empty(family)
        own = [(series, number) for series, number in samples.items() if series.family is family]
        if family.kind == "histogram":
            for cache in dict.fromkeys(series.cache for series, _ in own):
                _add_histogram(metric, cache, [sample for sample in own if sample[0].cache == cache])
        else:
            for series, number in own:
                metric.add_metric([series.cache, *series.labels], number)
        if own:
            yield metric


def _empty(family: Family) -> Any:
    kinds: dict[str, type[Any]] = {
        "counter": CounterMetricFamily,
        "gauge": GaugeMetricFamily,
        "histogram": HistogramMetricFamily,
    }
    return kinds[family.kind](family.name, family.help, labels=["cache", *family.labels])


def _add_histogram(metric: Any, cache: str, samples: list[tuple[Series, float]]) -> None:
    buckets = [(_bound(series), number) for series, number in samples if series.suffix == "_bucket"]
    (total,) = (number for series, number in samples if series.suffix == "_sum")
    cumulated = accumulate(number for _, number in buckets)
    metric.add_metric([cache], list(zip([bound for bound, _ in buckets], cumulated, strict=True)), total)


def _bound(series: Series) -> str:
    return str(floatToGoString(series.labels[0]))  # type: ignore[no-untyped-call]


class Publisher:
    """
    Keeps this process's numbers in the files that ``MultiProcessCollector`` reads.

    The values are prometheus_client's own, so that workers, their ends (``mark_process_dead``) and their successors
    with the same process id are its business, as for any other metric.
    """

    def __init__(self) -> None:
        # Held across every fork: a child must find neither this nor prometheus_client's lock taken by a thread that
        # it does not have. Reentrant, because a signal handler may fork in the middle of a publication.
        self._lock = threading.RLock()
        self._tally = Tally()
        self._named: dict[str, Cache] = {}
        self._everything: Everything | None = None
        self._values: dict[Series, Any] = {}
        self._bases: dict[Series, float] = {}
        self._written: dict[Series, float] = {}
        self._pid = os.getpid()
        self._interval = 0.0
        self._is_failing = False

    def add(self, caches: Mapping[str, Cache] | None, interval: float) -> None:
        """Publish these caches too, from now on every `interval` seconds; None: all there are."""
        with self._lock:
            if not self._tally.sources:
                self._tally.sources.append(self._find)
            if caches is not None:
                self._named.update(caches)
            elif self._everything is None:
                self._everything = Everything()
            if not self._interval:
                self._interval = interval
                os.register_at_fork(
                    before=self._lock.acquire,
                    after_in_parent=self._lock.release,
                    after_in_child=self._continue_in_child,
                )
                atexit.register(self._publish_or_log)
                self._start()
        self.publish()

    def _find(self) -> Iterable[tuple[str, Cache]]:
        yield from self._named.items()
        if self._everything is not None:
            yield from self._everything()

    def publish(self) -> None:
        """Write the numbers as they are now."""
        with self._lock:
            if self._pid != os.getpid():
                # A forked child, for which prometheus_client turns to other files by itself.
                self._pid = os.getpid()
                self._bases.clear()
                self._written.clear()
            numbers = self._tally.read()
            for series in self._written.keys() - numbers.keys():
                # The gauge of a cache that is gone: counters stay.
                numbers[series] = 0.0
            for series, number in numbers.items():
                if self._written.get(series) != number:
                    self._write(series, number)
                    self._written[series] = number

    def _write(self, series: Series, number: float) -> None:
        value = self._values.get(series)
        if value is None:
            value = self._values[series] = _value(series)
        if series.family.kind == "gauge":
            value.set(number)
            return
        # What an earlier process with this id left behind counts on.
        base = self._bases.get(series)
        if base is None:
            base = self._bases[series] = value.get()
        value.set(base + number)

    def _start(self) -> None:
        threading.Thread(target=self._run, name="hitrate-metrics", daemon=True).start()

    def _continue_in_child(self) -> None:
        self._lock.release()
        self._start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._interval):
            self._publish_or_log()

    def _publish_or_log(self) -> None:
        try:
            self.publish()
        except OSError as error:
            if not self._is_failing:
                hooks.metrics_unwritten(str(error))
            self._is_failing = True
        else:
            self._is_failing = False


def _value(series: Series) -> Any:
    family = series.family
    names, labels = ["cache"], [series.cache]
    if series.suffix == "_bucket":
        names.append("le")
        labels.append(_bound(series))
    else:
        names += family.labels
        labels += series.labels
    # Of gauges only those of living processes are added up.
    return values.ValueClass(
        family.kind, family.name, family.name + series.suffix, names, labels, family.help, multiprocess_mode="livesum"
    )


publisher = Publisher()
