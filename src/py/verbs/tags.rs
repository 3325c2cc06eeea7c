//! Forgetting tags, noting for loaders of an older state that something was forgotten, and forgetting later.

use crate::cache::{Call, Role};
use crate::invalidate::Forget;
use crate::keys::FullKey;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::events;
use crate::py::plan::{Finish, Plan};
use crate::store::{Many, RecordsForget};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use std::sync::Arc;

fn forgetting<F: Finish<usize>>(
    records: Vec<FullKey>,
    journaled: fn(Vec<FullKey>) -> Forget,
    finish: F,
) -> Plan<RecordsForget, F> {
    // Of none at all nothing is sent.
    let forgotten = records.is_empty();
    let role = Role::Forget(journaled(records.clone()));
    let operation = RecordsForget::new(records);
    Plan { call: Call { forgotten, bulk: operation.is_bulk(), ..Call::new(role) }, operation, finish }
}

impl Inner {
    /// The record of all that was forgotten by key or pattern.
    pub(super) fn forgotten_record(&self, py: Python<'_>, version: Given<'_, '_>) -> PyResult<FullKey> {
        self.own_key(py, "hitrate:forgotten", version)
    }

    fn forget_tags(
        &self,
        tags: &Object<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<RecordsForget, impl Finish<usize> + use<>>> {
        let records = self.tags(Some(tags), version, usize::MAX)?.records;
        let at_once = records.is_empty().then_some(0);
        // None when the server is away and it was written down.
        let finish = move |py: Python<'_>, count: Option<usize>| Ok(count.or(at_once).into_pyobject(py)?.unbind());
        Ok(forgetting(records, Forget::Records, finish))
    }

    fn note_forgotten(
        &self,
        py: Python<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<RecordsForget, impl Finish<usize> + use<>>> {
        let finish = |py: Python<'_>, _: Option<usize>| Ok(py.None());
        Ok(forgetting(vec![self.forgotten_record(py, version)?], Forget::Notes, finish))
    }
}

impl Inner {
    /// Lets keys, and what matches, be forgotten when the server answers, which is not asked now. Of an embedded store they are
    /// gone at once.
    fn postpone(self: &Arc<Self>, keys: &Object<'_>, patterns: &[PyBackedStr], version: Given<'_, '_>) -> PyResult<()> {
        let (py, local) = (keys.py(), self.cache.local());
        if local.memory.is_some() {
            self.note_forgotten(py, version)?.wait(py, self)?;
            if let Some(deletion) = self.delete_many(keys, version)? {
                deletion.wait(py, self)?;
            }
            return self.forget_patterns(py, patterns, version)?.wait(py, self).map(drop);
        }
        let note = Forget::Notes(vec![self.forgotten_record(py, version)?]);
        let (_, keys, _) = self.many(keys, version)?;
        let patterns = self.patterns(py, patterns, version)?;
        for forget in [note, Forget::Keys(keys), Forget::Patterns(patterns)] {
            self.cache.wrote(&Call::new(Role::Forget(forget.clone())));
            local.health.journal(forget);
        }
        events::deliver(py, &local.health);
        Ok(())
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (keys, patterns, version=None))]
    fn _postpone(&self, keys: &Object<'_>, patterns: Vec<PyBackedStr>, version: Given<'_, '_>) -> PyResult<()> {
        self.inner.postpone(keys, &patterns, version)
    }

    #[pyo3(signature = (tags, version=None))]
    fn _forget_tags(&self, tags: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.forget_tags(tags, version)?.wait(tags.py(), &self.inner)
    }

    #[pyo3(signature = (tags, version=None))]
    fn _aforget_tags<'py>(&self, tags: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.forget_tags(tags, version)?.begin(tags.py(), &self.inner)
    }

    #[pyo3(signature = (version=None))]
    fn _note_forgotten(&self, py: Python<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.note_forgotten(py, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (version=None))]
    fn _anote_forgotten<'py>(&self, py: Python<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.note_forgotten(py, version)?.begin(py, &self.inner)
    }
}
