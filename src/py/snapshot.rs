//! Snapshots for Python: statistics, settings of the connection, raw replies.

use super::wait;
use crate::cache::Cache;
use crate::config::{Address, Server};
use crate::l1::L1;
use crate::op::Reply;
use crate::stats::{LATENCY_BOUNDS_US, LimitCounts};
use crate::store::Usage;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::sync::atomic::Ordering;

/// What `stats()` returns; the keys are described in `_native.pyi`.
pub(super) fn stats<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let local = cache.local();
    let stats = &local.stats;
    let (hits, misses) = (stats.hits.get(), stats.misses.get());
    let result = PyDict::new(py);
    result.set_item("hits", hits)?;
    result.set_item("misses", misses)?;
    #[allow(clippy::cast_precision_loss)] // A ratio of counters, for people.
    result.set_item("hit_rate", if hits + misses == 0 { 0.0 } else { hits as f64 / (hits + misses) as f64 })?;
    result.set_item("sets", stats.sets.get())?;
    result.set_item("dropped_sets", stats.dropped_sets.get())?;
    result.set_item("leases", stats.leases.get())?;
    result.set_item("fills", stats.fills.get())?;
    result.set_item("voided_fills", stats.voided_fills.get())?;
    result.set_item("dropped_fills", stats.dropped_fills.get())?;
    result.set_item("deletes", stats.deletes.get())?;
    result.set_item("round_trips", stats.round_trips.get())?;
    result.set_item("retries", stats.retries.get())?;
    result.set_item("bytes_in", stats.bytes_in.get())?;
    result.set_item("bytes_out", stats.bytes_out.get())?;
    let errors = PyDict::new(py);
    for (kind, count) in stats.errors() {
        errors.set_item(kind, count)?;
    }
    result.set_item("timeouts", errors.get_item("timeout")?)?;
    result.set_item("errors", errors)?;
    result.set_item("breaker", breaker(py, cache)?)?;
    result.set_item("pool", pool(py, cache)?)?;
    result.set_item("waiter", wait::name(py)?)?;
    result.set_item("staged_wait", staged_wait(py, cache)?)?;
    result.set_item("latency", latency(py, cache)?)?;
    result.set_item("local", local.l1.as_deref().map(|l1| near(py, l1)).transpose()?)?;
    result.set_item("memory", local.memory.as_deref().map(|store| memory(py, store.usage())).transpose()?)?;
    let limits = PyDict::new(py);
    for (name, counts) in stats.limits.all() {
        limits.set_item(&*name, limit(py, &counts)?)?;
    }
    result.set_item("limits", limits)?;
    Ok(result)
}

#[allow(clippy::cast_precision_loss)] // Milliseconds, for people.
fn near<'py>(py: Python<'py>, l1: &L1) -> PyResult<Bound<'py, PyDict>> {
    let (usage, feed) = (l1.usage(), l1.feed());
    let result = PyDict::new(py);
    result.set_item("hits", l1.counts.hits.get())?;
    result.set_item("misses", l1.counts.misses.get())?;
    result.set_item("entries", usage.entries)?;
    result.set_item("bytes", usage.bytes)?;
    result.set_item("max_bytes", usage.max_bytes)?;
    result.set_item("evicted", l1.counts.evicted.get())?;
    result.set_item("invalidations", l1.counts.invalidations.get())?;
    result.set_item("voided_fills", l1.counts.voided.get())?;
    let resets = PyDict::new(py);
    for (reason, count) in l1.resets() {
        resets.set_item(reason, count)?;
    }
    result.set_item("resets", resets)?;
    let state = PyDict::new(py);
    state.set_item("fresh", feed.is_fresh)?;
    state.set_item("listening", feed.is_attended)?;
    state.set_item("age", feed.age_ms.map(|age| age as f64 / 1000.0))?;
    state.set_item("lost", feed.lost)?;
    result.set_item("feed", state)?;
    Ok(result)
}

/// What became of calls that a limit was asked for.
pub(super) fn limit<'py>(py: Python<'py>, counts: &LimitCounts) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("allowed", counts.allowed.get())?;
    result.set_item("refused", counts.refused.get())?;
    result.set_item("refused_locally", counts.refused_locally.get())?;
    result.set_item("without_server", counts.without_server.get())?;
    Ok(result)
}

/// What an embedded store holds.
pub(super) fn memory(py: Python<'_>, usage: Usage) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("entries", usage.entries)?;
    result.set_item("bytes", usage.bytes)?;
    result.set_item("max_bytes", usage.max_bytes)?;
    result.set_item("evicted", usage.evicted)?;
    result.set_item("expired", usage.expired)?;
    Ok(result)
}

fn breaker<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let local = cache.local();
    let result = PyDict::new(py);
    result.set_item("state", if local.health.is_open() { "open" } else { "closed" })?;
    result.set_item("opened", local.stats.breaker_opened.get())?;
    result.set_item("journal", local.health.journal_len())?;
    result.set_item("journaled", local.stats.journaled.get())?;
    result.set_item("replayed", local.stats.replayed.get())?;
    Ok(result)
}

fn pool<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let local = cache.local();
    let counts = local.pool.counts();
    let result = PyDict::new(py);
    result.set_item("max", cache.settings().server.max_connections)?;
    result.set_item("open", counts.open)?;
    result.set_item("idle", counts.idle)?;
    result.set_item("in_use", counts.open - counts.idle)?;
    result.set_item("waiting", counts.waiting)?;
    result.set_item("connects", local.stats.connects.get())?;
    result.set_item("slot_waits", local.stats.slot_waits.get())?;
    Ok(result)
}

fn staged_wait<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let gate = &cache.local().gate;
    let result = PyDict::new(py);
    result.set_item("enabled", gate.is_enabled())?;
    result.set_item("hits", gate.counts.hits.load(Ordering::Relaxed))?;
    result.set_item("misses", gate.counts.misses.load(Ordering::Relaxed))?;
    result.set_item("skipped_busy", gate.counts.skipped_busy.load(Ordering::Relaxed))?;
    result.set_item("skipped_backoff", gate.counts.skipped_backoff.load(Ordering::Relaxed))?;
    result.set_item("skipped_budget", gate.counts.skipped_budget.load(Ordering::Relaxed))?;
    Ok(result)
}

fn latency<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let latency = cache.local().stats.latency();
    let buckets = PyList::empty(py);
    #[allow(clippy::cast_precision_loss)] // The bounds are small numbers.
    let bounds = LATENCY_BOUNDS_US.iter().map(|bound| Some(*bound as f64 / 1e6)).chain([None]);
    for (bound, count) in bounds.zip(&latency.counts) {
        buckets.append((bound, count))?;
    }
    let result = PyDict::new(py);
    result.set_item("count", latency.counts.iter().sum::<u64>())?;
    result.set_item("sum", latency.sum.as_secs_f64())?;
    result.set_item("buckets", buckets)?;
    Ok(result)
}

/// Where and how the async driver connects.
pub(super) fn target<'py>(py: Python<'py>, server: &Server) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    match &server.address {
        Address::Tcp { host, port } => {
            result.set_item("host", host)?;
            result.set_item("port", port)?;
        }
        Address::Unix { path } => result.set_item("path", path)?,
        Address::Memory { .. } => {}
    }
    result.set_item("max_connections", server.max_connections)?;
    result.set_item("idle_timeout", server.idle_timeout.as_secs_f64())?;
    result.set_item("timeout", server.timeout.as_secs_f64())?;
    if let Some(tls) = &server.tls {
        let settings = PyDict::new(py);
        settings.set_item("ca_file", &tls.ca_file)?;
        settings.set_item("cert_file", &tls.cert_file)?;
        settings.set_item("key_file", &tls.key_file)?;
        settings.set_item("server_name", &tls.server_name)?;
        settings.set_item("verify", tls.verify)?;
        result.set_item("tls", settings)?;
    }
    Ok(result)
}

/// A reply as Python has it: strings of bytes as `bytes`, statuses as `str`.
pub(super) fn reply(py: Python<'_>, reply: Reply) -> PyResult<Py<PyAny>> {
    Ok(match reply {
        Reply::Nil => py.None(),
        Reply::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Reply::Double(number) => number.into_pyobject(py)?.into_any().unbind(),
        Reply::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any().unbind(),
        Reply::Status(text) => text.into_pyobject(py)?.into_any().unbind(),
        Reply::Bulk(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
        Reply::Array(items) | Reply::Push(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(self::reply(py, item)?)?;
            }
            list.into_any().unbind()
        }
        Reply::Map(pairs) => {
            let dict = PyDict::new(py);
            for (key, value) in pairs {
                dict.set_item(self::reply(py, key)?, self::reply(py, value)?)?;
            }
            dict.into_any().unbind()
        }
        Reply::Error(error) => return Err(crate::error::Error::Server(error).into()),
    })
}
