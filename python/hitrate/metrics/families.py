"""The metrics: their names, and where in the dictionary of `Cache.stats()` each is found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

Stats: TypeAlias = Mapping[str, Any]
"""What `Cache.stats()` returned."""


@dataclass(frozen=True, eq=False)
class Family:
    """
    One metric.

    Attributes:
        name: without the ``_total`` of counters.
        kind: ``"counter"``, ``"gauge"`` or ``"histogram"``.
        help: one sentence.
        labels: beside ``cache``.
        read: from statistics to (suffix of the sample's name, values of `labels`, number). The buckets of a histogram
            have the label ``le`` and are not cumulated.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    read: Callable[[Stats], Iterable[tuple[str, tuple[str, ...], float]]] = field(repr=False)
    labels: tuple[str, ...] = ()


class Series(NamedTuple):
    """One number: a sample of a family, of one cache. A tuple, because it is a key a hundred times per scrape."""

    family: Family
    suffix: str
    cache: str
    labels: tuple[str, ...]


# The text that Prometheus writes for the bucket that takes the rest.
INFINITY = "+Inf"
STATES = ("closed", "open")


def _counter(name: str, path: str, text: str) -> Family:
    return Family(name, "counter", text, lambda stats: _at(path, stats, "_total"))


def _counters(name: str, section: str, label: str, keys: Iterable[str] | None, text: str) -> Family:
    def read(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
        found = stats[section]
        for key in found if keys is None else keys:
            yield "_total", (key,), found[key]

    return Family(name, "counter", text, read, (label,))


def _gauge(name: str, path: str, text: str) -> Family:
    return Family(name, "gauge", text, lambda stats: _at(path, stats, ""))


def _at(path: str, stats: Stats, suffix: str) -> Iterable[tuple[str, tuple[str, ...], float]]:
    """One number, or none where its section is: of what this cache has not."""
    *sections, key = path.split(".")
    for name in sections:
        stats = stats[name]
    if stats is not None:
        yield suffix, (), stats[key]


def _states(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    for state in STATES:
        yield "", (state,), float(stats["breaker"]["state"] == state)


def _decisions(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    """Of calls that a limit was asked for: refused ones by who refused, and all by what became of them."""
    for rule, counts in stats["limits"].items():
        yield "_total", (rule, "allowed"), counts["allowed"]
        yield "_total", (rule, "refused"), counts["refused"] - counts["refused_locally"]
        yield "_total", (rule, "refused_locally"), counts["refused_locally"]


def _undecided(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    for rule, counts in stats["limits"].items():
        yield "_total", (rule,), counts["without_server"]


def _connections(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    for state in ("idle", "in_use"):
        yield "", (state,), stats["pool"][state]


def _resets(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    if stats["local"] is not None:
        for reason, count in stats["local"]["resets"].items():
            yield "_total", (reason,), count


def _feed_age(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    if stats["local"] is not None and stats["local"]["feed"]["age"] is not None:
        yield "", (), stats["local"]["feed"]["age"]


def _latency(stats: Stats) -> Iterable[tuple[str, tuple[str, ...], float]]:
    for bound, count in stats["latency"]["buckets"]:
        yield "_bucket", (INFINITY if bound is None else repr(float(bound)),), count
    yield "_sum", (), stats["latency"]["sum"]


FAMILIES = (
    _counter("hitrate_hits", "hits", "Reads that found a value."),
    _counter("hitrate_misses", "misses", "Reads that found none, or could not ask the server."),
    _counter("hitrate_sets", "sets", "Values stored."),
    _counter("hitrate_dropped_sets", "dropped_sets", "Values not stored: the server was away or refused."),
    _counter("hitrate_leases", "leases", "Leases of entries that were given to this process."),
    _counter("hitrate_fills", "fills", "Entries stored under a lease."),
    _counter("hitrate_voided_fills", "voided_fills", "Entries not stored: something was forgotten meanwhile."),
    _counter("hitrate_dropped_fills", "dropped_fills", "Entries not stored: the server was away or refused."),
    _counter("hitrate_deletes", "deletes", "Keys deleted that were there."),
    _counter("hitrate_retries", "retries", "Second tries after a pooled connection turned out to be dead."),
    _counter("hitrate_sent_bytes", "bytes_out", "Bytes sent to the server."),
    _counter("hitrate_received_bytes", "bytes_in", "Bytes received from the server."),
    _counters("hitrate_errors", "errors", "kind", None, "Failed calls by kind."),
    Family("hitrate_breaker_state", "gauge", "1 for the state the breaker is in, else 0.", _states, ("state",)),
    _counter("hitrate_breaker_openings", "breaker.opened", "Times the breaker opened: the server was found dead."),
    _gauge("hitrate_journal_entries", "breaker.journal", "Deletions that wait for the server to come back."),
    _counter("hitrate_journaled_calls", "breaker.journaled", "Calls whose deletions were written to the journal."),
    _counter("hitrate_replayed_deletions", "breaker.replayed", "Deletions made up for."),
    Family("hitrate_pool_connections", "gauge", "Open connections of blocking calls.", _connections, ("state",)),
    _gauge("hitrate_pool_max_connections", "pool.max", "Connections that blocking calls may open."),
    _gauge("hitrate_pool_waiting_calls", "pool.waiting", "Calls that wait for a free connection."),
    _counter("hitrate_pool_connects", "pool.connects", "Connections opened."),
    _counter("hitrate_pool_slot_waits", "pool.slot_waits", "Calls that had to wait for a free connection."),
    _counters(
        "hitrate_staged_waits",
        "staged_wait",
        "outcome",
        ("hits", "misses", "skipped_busy", "skipped_backoff", "skipped_budget"),
        "Waits for a reply, by what their polling stage did.",
    ),
    _counter("hitrate_local_hits", "local.hits", "Reads answered by the local cache."),
    _counter("hitrate_local_misses", "local.misses", "Reads that the local cache could not answer."),
    _gauge("hitrate_local_entries", "local.entries", "Copies in the local cache."),
    _gauge("hitrate_local_bytes", "local.bytes", "Bytes that the local cache takes."),
    _gauge("hitrate_local_max_bytes", "local.max_bytes", "Bytes that the local cache may take."),
    _counter("hitrate_local_evictions", "local.evicted", "Copies that the local cache threw out to make room."),
    _counter("hitrate_local_invalidations", "local.invalidations", "Keys that the server said were written."),
    _counter("hitrate_local_voided_fills", "local.voided_fills", "Copies not kept: written while on their way."),
    Family("hitrate_local_resets", "counter", "Times the local cache gave up everything.", _resets, ("reason",)),
    Family("hitrate_local_feed_age_seconds", "gauge", "Time since the feed's last sign of life.", _feed_age),
    Family(
        "hitrate_rate_decisions", "counter", "Calls that a rate limit decided about.", _decisions, ("rule", "outcome")
    ),
    Family(
        "hitrate_rate_fallbacks", "counter", "Those decided without the server: it was away.", _undecided, ("rule",)
    ),
    _gauge("hitrate_memory_entries", "memory.entries", "Entries of the store that is embedded in this process."),
    _gauge("hitrate_memory_bytes", "memory.bytes", "Bytes that the embedded store takes."),
    _gauge("hitrate_memory_max_bytes", "memory.max_bytes", "Bytes that the embedded store may take."),
    _counter("hitrate_memory_evictions", "memory.evicted", "Entries that the embedded store threw out to make room."),
    _counter("hitrate_memory_expirations", "memory.expired", "Entries of the embedded store that reached their end."),
    Family("hitrate_round_trip_duration_seconds", "histogram", "Time that round trips took.", _latency),
)


def samples(cache: str, stats: Stats) -> dict[Series, float]:
    """Spread the statistics of a cache over the series of its name."""
    return {
        Series(family, suffix, cache, labels): float(number)
        for family in FAMILIES
        for suffix, labels, number in family.read(stats)
    }
