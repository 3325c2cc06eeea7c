//! Many values at once.

use crate::cache::{Call, Local, Role};
use crate::config::Ttl;
use crate::error::Error;
use crate::invalidate::Forget;
use crate::keys::FullKey;
use crate::l1::Ticket;
use crate::py::aio;
use crate::py::args::TtlArg;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::near::Met;
use crate::py::plan::{Finish, Plan};
use crate::store::{GetMany, Got, Many, SetMany, Sink, Source, Stored, Unlink};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet};
use std::sync::Arc;

/// How many values are read.
pub(super) enum Reading<F> {
    /// These of them from the server.
    Ask(Plan<GetMany<Found>, F>),
    /// All are here.
    Done(Py<PyAny>),
}

/// What is to be asked of the server: names, full keys, and for each a ticket where a copy may be kept.
type Wanted<'py> = (Bound<'py, PyList>, Vec<FullKey>, Vec<Option<Ticket>>);

impl Inner {
    pub(super) fn get_many(
        self: &Arc<Self>,
        py: Python<'_>,
        keys: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Reading<impl Finish<()>>> {
        let (mut names, mut full, critical) = self.many(keys, version)?;
        let asked = names.clone().unbind();
        if self.cache.local().health.has_journal() {
            (names, full) = self.without_forgotten(&names, full)?;
        }
        let found = PyDict::new(py);
        let local = self.cache.local();
        let mut tickets = Vec::new();
        if local.l1.is_some() || local.memory.is_some() {
            (names, full, tickets) = self.without_near(&names, full, &found)?;
        }
        let (inner, found) = (Arc::clone(self), found.unbind());
        let count = {
            let (inner, found) = (Arc::clone(self), found.clone_ref(py));
            move |py: Python<'_>| {
                let stats = &inner.cache.local().stats;
                let hits = found.bind(py).len();
                stats.hits.add(hits);
                if hits < asked.bind(py).len() {
                    // A key that was asked for twice was missed once.
                    stats.misses.add(PySet::new(py, asked.bind(py))?.len().saturating_sub(hits));
                }
                Ok(found.into_any())
            }
        };
        if full.is_empty() {
            return count(py).map(Reading::Done);
        }
        let sink = Found {
            inner,
            keys: if local.l1.is_some() || self.values.codec().is_signing() { full.clone() } else { Vec::new() },
            tickets,
            names: names.unbind(),
            values: found,
            raised: Raised::default(),
        };
        let raised = sink.raised.clone();
        let operation = GetMany::new(full, sink, local.l1.is_some());
        let call = Call { critical, bulk: operation.is_bulk(), ..Call::new(Role::Read) };
        let finish = move |py: Python<'_>, _: Option<()>| {
            raised.check()?;
            count(py)
        };
        Ok(Reading::Ask(Plan { operation, call, finish }))
    }

    /// Leaves out keys that are known without asking a server, and puts the values of those that have one among the found.
    fn without_near<'py>(
        &self,
        names: &Bound<'py, PyList>,
        full: Vec<FullKey>,
        found: &Bound<'py, PyDict>,
    ) -> PyResult<Wanted<'py>> {
        let py = names.py();
        let (kept_names, mut kept, mut tickets) = (PyList::empty(py), Vec::new(), Vec::new());
        for (name, key) in names.iter().zip(full) {
            let is_near = self.cache.local().l1.is_some() && self.may_be_near(&name);
            let ticket = match self.nearby(py, &key, is_near, false)? {
                Met::Value(value) => {
                    found.set_item(name, value)?;
                    continue;
                }
                Met::Nothing => continue,
                Met::Unknown(ticket) => ticket,
            };
            kept_names.append(name)?;
            kept.push(key);
            tickets.push(ticket);
        }
        Ok((kept_names, kept, tickets))
    }

    /// Leaves out keys whose deletion still waits for the server: they are misses.
    #[cold]
    fn without_forgotten<'py>(
        &self,
        names: &Bound<'py, PyList>,
        full: Vec<FullKey>,
    ) -> PyResult<(Bound<'py, PyList>, Vec<FullKey>)> {
        let (kept_names, mut kept) = (PyList::empty(names.py()), Vec::new());
        for (index, key) in full.into_iter().enumerate() {
            if !self.cache.local().health.is_forgotten(&key) {
                kept_names.append(names.get_item(index)?)?;
                kept.push(key);
            }
        }
        Ok((kept_names, kept))
    }

    pub(super) fn set_many(
        self: &Arc<Self>,
        values: &Bound<'_, PyDict>,
        ttl: Ttl,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Plan<SetMany<ToStore>, impl Finish<Stored>>>> {
        let (names, full, critical) = self.many(values.as_any(), version)?;
        if full.is_empty() {
            return Ok(None);
        }
        // New values settle deletions of the old ones that still wait.
        let writes = self.writes(|| full.clone());
        let settles = if self.cache.local().health.has_journal() { full.clone() } else { Vec::new() };
        let raised = Raised::default();
        let source = ToStore {
            inner: Arc::clone(self),
            keys: full.into_iter(),
            values: values.values().unbind(),
            next: 0,
            raised: raised.clone(),
        };
        let operation = SetMany::new(source, ttl);
        raised.check()?;
        let call = Call { critical, bulk: operation.is_bulk(), writes, ..Call::new(Role::Store) };
        let (inner, names) = (Arc::clone(self), names.unbind());
        let finish = move |py: Python<'_>, stored: Option<Stored>| {
            raised.check()?;
            let Local { stats, health, .. } = inner.cache.local();
            let Some(stored) = stored else {
                stats.dropped_sets.add(names.bind(py).len());
                return Ok(names.into_any());
            };
            stats.sets.add(stored.count);
            for (index, key) in settles.iter().enumerate() {
                if !stored.refused.contains(&index) {
                    health.forgive(key);
                }
            }
            stats.dropped_sets.add(stored.refused.len());
            if let Some(error) = stored.error {
                inner.cache.failed(Error::Server(error), Call { critical, ..Call::bulk(Role::Store) }, None)?;
            }
            let failed = PyList::empty(py);
            for index in stored.refused {
                failed.append(names.bind(py).get_item(index)?)?;
            }
            Ok(failed.into_any().unbind())
        };
        Ok(Some(Plan { operation, call, finish }))
    }

    pub(super) fn delete_many(
        self: &Arc<Self>,
        keys: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Plan<Unlink, impl Finish<i64>>>> {
        let (_, full, critical) = self.many(keys, version)?;
        if full.is_empty() {
            return Ok(None);
        }
        let role = Role::Forget(Forget::Keys(full.clone()));
        let operation = Unlink::new(full);
        let call = Call { critical, bulk: operation.is_bulk(), ..Call::new(role) };
        Ok(Some(Plan { operation, call, finish: self.count_deleted() }))
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (keys, version=None))]
    fn get_many(&self, keys: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        let py = keys.py();
        match self.inner.get_many(py, keys, version)? {
            Reading::Ask(plan) => plan.wait(py, &self.inner),
            Reading::Done(found) => Ok(found),
        }
    }

    #[pyo3(signature = (keys, version=None))]
    fn _aget_many<'py>(&self, keys: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        let py = keys.py();
        match self.inner.get_many(py, keys, version)? {
            Reading::Ask(plan) => plan.begin(py, &self.inner),
            Reading::Done(found) => aio::answered(py, found),
        }
    }

    #[pyo3(signature = (values, ttl=TtlArg::Default, version=None))]
    fn set_many(&self, values: &Object<'_>, ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        let (py, values) = (values.py(), &dict(values)?);
        let ttl = ttl.or(self.inner.cache.settings().cache.ttl);
        if ttl.is_zero() {
            self.delete_many(values.as_any(), version)?;
            return Ok(PyList::empty(py).into_any().unbind());
        }
        match self.inner.set_many(values, ttl, version)? {
            Some(plan) => plan.wait(py, &self.inner),
            None => Ok(PyList::empty(py).into_any().unbind()),
        }
    }

    #[pyo3(signature = (values, ttl=TtlArg::Default, version=None))]
    fn _aset_many<'py>(&self, values: &Object<'py>, ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        let (py, values) = (values.py(), &dict(values)?);
        let ttl = ttl.or(self.inner.cache.settings().cache.ttl);
        let nothing_failed = |py: Python<'_>, _: Option<i64>| Ok(PyList::empty(py).into_any().unbind());
        if ttl.is_zero() {
            if let Some(plan) = self.inner.delete_many(values.as_any(), version)? {
                return Plan { operation: plan.operation, call: plan.call, finish: nothing_failed }
                    .begin(py, &self.inner);
            }
        } else if let Some(plan) = self.inner.set_many(values, ttl, version)? {
            return plan.begin(py, &self.inner);
        }
        aio::answered(py, nothing_failed(py, None)?)
    }

    #[pyo3(signature = (keys, version=None))]
    fn delete_many(&self, keys: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        let py = keys.py();
        match self.inner.delete_many(keys, version)? {
            Some(plan) => plan.wait(py, &self.inner),
            None => Ok(0_i64.into_pyobject(py)?.into_any().unbind()),
        }
    }

    #[pyo3(signature = (keys, version=None))]
    fn _adelete_many<'py>(&self, keys: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        let py = keys.py();
        match self.inner.delete_many(keys, version)? {
            Some(plan) => plan.begin(py, &self.inner),
            None => aio::answered(py, 0_i64.into_pyobject(py)?.into_any().unbind()),
        }
    }
}

/// Any mapping as a dict, which is what can be walked over twice.
fn dict<'py>(values: &Object<'py>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(values) = values.cast::<PyDict>() {
        return Ok(values.clone());
    }
    let copy = PyDict::new(values.py());
    copy.update(values.cast()?)?;
    Ok(copy)
}

/// What Python raised inside an operation, for whoever finishes the call.
#[derive(Clone, Default)]
struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    fn keep(&self, raised: PyErr) {
        self.0.lock().get_or_insert(raised);
    }

    fn check(&self) -> PyResult<()> {
        self.0.lock().take().map_or(Ok(()), Err)
    }
}

/// Decodes the values of `get_many` into a dict, lot by lot.
pub(super) struct Found {
    inner: Arc<Inner>,
    /// Full keys, only where values are signed or copies are kept.
    keys: Vec<FullKey>,
    /// One per key where copies are kept.
    tickets: Vec<Option<Ticket>>,
    names: Py<PyList>,
    values: Py<PyDict>,
    raised: Raised,
}

impl Sink for Found {
    fn take(&mut self, index: usize, got: Got) {
        // The drivers hand replies over with the GIL held; `attach` only proves it.
        let taken = Python::attach(|py| {
            let key = self.keys.get(index).map_or(&[][..], |key| key.as_slice());
            let ticket = self.tickets.get(index).copied().flatten();
            if let Some(value) = self.inner.take(py, key, got, ticket)? {
                self.values.bind(py).set_item(self.names.bind(py).get_item(index)?, value)?;
            }
            Ok(())
        });
        if let Err(raised) = taken {
            self.raised.keep(raised);
        }
    }
}

/// Encodes the values of `set_many`, lot by lot; one that cannot be encoded ends it.
pub(super) struct ToStore {
    inner: Arc<Inner>,
    keys: std::vec::IntoIter<FullKey>,
    values: Py<PyList>,
    next: usize,
    raised: Raised,
}

impl Source for ToStore {
    fn next(&mut self) -> Option<(FullKey, Vec<u8>)> {
        let key = self.keys.next()?;
        let index = self.next;
        self.next += 1;
        match Python::attach(|py| self.inner.values.encode(&key, &self.values.bind(py).get_item(index)?)) {
            Ok(value) => Some((key, value)),
            Err(raised) => {
                self.keys = Vec::new().into_iter();
                self.raised.keep(raised);
                None
            }
        }
    }
}
