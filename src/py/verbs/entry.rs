//! Entries of our own: reading one, taking its lease, filling it, giving the lease back. `hitrate/lease/` puts them together.

use super::boolean;
use crate::cache::{Call, Role};
use crate::codec::envelope::{Id, MAX_TAGS};
use crate::keys::FullKey;
use crate::l1::Ticket;
use crate::py::aio;
use crate::py::args;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::entry::PyEntry;
use crate::py::lease::{Kept, PyLease};
use crate::py::near::{Beside, MetEntry};
use crate::py::plan::{Finish, Plan};
use crate::store::{EntryGet, Found, Judge, LeaseRelease, LeaseTake, Tags, Taken};
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::sync::Arc;

/// A read of one entry.
struct Reading {
    key: FullKey,
    tags: Tags,
    call: Call,
    /// Whether the local cache may answer it.
    is_near: bool,
}

impl Inner {
    fn reading_of_entry(&self, key: &Object<'_>, tags: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Reading> {
        let tags = self.tags(tags, version, MAX_TAGS)?;
        let (full, mut call) = self.keyed(key, version, Role::Read)?;
        call.forgotten |= self.is_any_forgotten(&tags.records);
        call.replaceable = true;
        let is_near = self.is_near(key, &call);
        Ok(Reading { key: full, tags, call, is_near })
    }

    /// `tickets` are asked for when the server has answered.
    fn entry<T>(self: &Arc<Self>, reading: Reading, tickets: T) -> Plan<EntryGet, impl Finish<Option<Found>> + use<T>>
    where
        T: FnOnce() -> Vec<Ticket> + Send + 'static,
    {
        let Reading { key, tags, call, is_near } = reading;
        let records = tags.records.clone();
        let name = if is_near { Box::from(key.as_slice()) } else { self.name_to_verify(&key) };
        let inner = Arc::clone(self);
        let finish = move |py: Python<'_>, found: Option<Option<Found>>| {
            let stats = &inner.cache.local().stats;
            let entry = match found.flatten() {
                Some(found) => inner.read_and_keep(py, &name, &tags, found, &tickets())?,
                None => None,
            };
            (if entry.is_some() { &stats.hits } else { &stats.misses }).one();
            Ok(entry.into_pyobject(py)?.unbind())
        };
        Plan { operation: EntryGet::new(key, records), call, finish }
    }

    fn read_and_keep(
        self: &Arc<Self>,
        py: Python<'_>,
        key: &[u8],
        tags: &Tags,
        found: Found,
        tickets: &[Ticket],
    ) -> PyResult<Option<Py<PyEntry>>> {
        let beside = (!tickets.is_empty()).then(|| Beside {
            left: found.left,
            peer: found.peer,
            records: found.records.clone(),
        });
        let Some(entry) = self.read_entry(py, key, tags, found)? else { return Ok(None) };
        let entry = Py::new(py, entry)?;
        if let Some(beside) = beside {
            self.keep_entry(py, key, tags, &entry, &beside, tickets)?;
        }
        Ok(Some(entry))
    }

    fn peek(
        self: &Arc<Self>,
        key: &Object<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<EntryGet, impl Finish<Option<Found>>>> {
        let (key, call) = self.keyed(key, version, Role::Read)?;
        let (inner, name) = (Arc::clone(self), self.name_to_verify(&key));
        let finish = move |py: Python<'_>, found: Option<Option<Found>>| {
            let entry = found.flatten().map(|found| inner.peek_into(py, &name, &found)).transpose()?.flatten();
            Ok(entry.into_pyobject(py)?.unbind())
        };
        Ok(Plan { operation: EntryGet::new(key, Vec::new()), call, finish })
    }

    fn lease(
        self: &Arc<Self>,
        key: &Object<'_>,
        seconds: &Object<'_>,
        tags: Given<'_, '_>,
        version: Given<'_, '_>,
        seen: Option<Id>,
    ) -> PyResult<Plan<LeaseTake<Met>, impl Finish<Taken>>> {
        let tags = self.tags(tags, version, MAX_TAGS)?;
        let lasts = args::duration(seconds, "seconds")?;
        let (full, critical) = self.key(key, version)?;
        let health = &self.cache.local().health;
        // Whoever waited for a read in vain does not wait for a lease as well.
        let forgotten = health.is_suspected() || health.is_forgotten(&full) || self.is_any_forgotten(&tags.records);
        let writes = self.writes(|| tags.with_records_of(&full));
        let call = Call { forgotten, writes, ..Call::new(Role::Spare) };
        let kept = Kept::new(Mutex::new(Ok(None)));
        let met = Met {
            inner: Arc::clone(self),
            name: self.name_to_verify(&full),
            tags: tags.clone(),
            kept: Arc::clone(&kept),
        };
        let finish = self.leased(key, version, critical, kept)?;
        Ok(Plan { operation: LeaseTake::new(full, tags, lasts, seen, met), call, finish })
    }

    fn release(lease: &PyLease) -> Plan<LeaseRelease, impl Finish<bool> + use<>> {
        Plan { operation: LeaseRelease::new(&lease.grant), call: Call::new(Role::Spare), finish: boolean }
    }

    /// Tags by name, each once, with the keys of their records.
    pub(super) fn tags(&self, tags: Given<'_, '_>, version: Given<'_, '_>, most: usize) -> PyResult<Tags> {
        let Some(tags) = tags else { return Ok(Tags::default()) };
        let names = args::names(tags, most)?;
        let records = names.iter().map(|name| self.own_key(tags.py(), &format!("hitrate:tag:{name}"), version));
        Ok(Tags { records: records.collect::<PyResult<_>>()?, names })
    }

    /// Whether one of these waits in the journal to be forgotten.
    pub(super) fn is_any_forgotten(&self, keys: &[FullKey]) -> bool {
        keys.iter().any(|key| self.cache.local().health.is_forgotten(key))
    }
}

/// Reads an entry that somebody else filled before this lease was asked for.
pub(super) struct Met {
    inner: Arc<Inner>,
    name: Box<[u8]>,
    tags: Tags,
    kept: Kept,
}

impl Judge for Met {
    fn accepts(&mut self, found: Found) -> bool {
        // The drivers hand replies over with the GIL held; `attach` only proves it.
        let read = Python::attach(|py| {
            let entry = self.inner.read_entry(py, &self.name, &self.tags, found)?;
            entry.map(|entry| Ok(Py::new(py, entry)?.into_any())).transpose()
        });
        // An exception is an answer too: it ends the call.
        let accepted = !matches!(read, Ok(None));
        *self.kept.lock() = read;
        accepted
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, tags=None, version=None))]
    fn _entry(&self, key: &Object<'_>, tags: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        let (py, inner) = (key.py(), &self.inner);
        let reading = inner.reading_of_entry(key, tags, version)?;
        let mut tickets = Vec::new();
        if let Some(l1) = inner.cache.local().l1.as_ref().filter(|_| reading.is_near) {
            match Inner::meet_entry(py, l1, &reading.key, &reading.tags) {
                MetEntry::Entry(entry) => {
                    inner.cache.local().stats.hits.one();
                    return Ok(entry.into_any());
                }
                MetEntry::Unknown(given) => tickets = given,
            }
        }
        inner.entry(reading, move || tickets).wait(py, inner)
    }

    #[pyo3(signature = (key, tags=None, version=None))]
    fn _aentry<'py>(&self, key: &Object<'py>, tags: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        let (py, inner) = (key.py(), &self.inner);
        let reading = inner.reading_of_entry(key, tags, version)?;
        let mut tickets = Vec::new();
        if let Some(l1) = inner.cache.local().l1.as_ref().filter(|_| reading.is_near) {
            match Inner::meet_entry(py, l1, &reading.key, &reading.tags) {
                MetEntry::Entry(entry) => {
                    inner.cache.local().stats.hits.one();
                    return aio::answered(py, entry.into_any());
                }
                MetEntry::Unknown(given) => tickets = given,
            }
        }
        inner.entry(reading, move || tickets).begin(py, inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _peek(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.peek(key, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, seconds, tags=None, version=None, *, seen=None))]
    fn _lease(
        &self,
        key: &Object<'_>,
        seconds: &Object<'_>,
        tags: Given<'_, '_>,
        version: Given<'_, '_>,
        seen: Option<&Bound<'_, PyEntry>>,
    ) -> PyResult<Py<PyAny>> {
        let seen = seen.map(|entry| entry.get().fill());
        self.inner.lease(key, seconds, tags, version, seen)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, seconds, tags=None, version=None, *, seen=None))]
    fn _alease<'py>(
        &self,
        key: &Object<'py>,
        seconds: &Object<'_>,
        tags: Given<'_, '_>,
        version: Given<'_, '_>,
        seen: Option<&Bound<'_, PyEntry>>,
    ) -> PyResult<Object<'py>> {
        let seen = seen.map(|entry| entry.get().fill());
        self.inner.lease(key, seconds, tags, version, seen)?.begin(key.py(), &self.inner)
    }

    fn _release(&self, lease: &Bound<'_, PyLease>) -> PyResult<Py<PyAny>> {
        Inner::release(lease.get()).wait(lease.py(), &self.inner)
    }

    fn _arelease<'py>(&self, lease: &Bound<'py, PyLease>) -> PyResult<Object<'py>> {
        Inner::release(lease.get()).begin(lease.py(), &self.inner)
    }
}
