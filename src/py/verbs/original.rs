//! Values in the form of another program, under leases: reading one, taking its lease, filling it, giving the lease back.

use super::boolean;
use crate::cache::{Call, Role};
use crate::py::args;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::errors::ConfigError;
use crate::py::lease::{Kept, PyLease};
use crate::py::plan::{Finish, Plan};
use crate::store::{
    EntryGet, Filled, Found, Guise, Judge, LockRelease, OriginalFill, OriginalTake, Taken, is_placeholder,
    original_release,
};
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Duration;

impl Inner {
    fn original(
        self: &Arc<Self>,
        key: &Object<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<EntryGet, impl Finish<Option<Found>>>> {
        let (key, call) = self.keyed(key, version, Role::Read)?;
        let (inner, name) = (Arc::clone(self), self.name_to_verify(&key));
        let finish = move |py: Python<'_>, found: Option<Option<Found>>| {
            let value = match found.flatten() {
                Some(found) => inner.read_original(py, &name, &found)?,
                None => None,
            };
            let stats = &inner.cache.local().stats;
            (if value.is_some() { &stats.hits } else { &stats.misses }).one();
            Ok(value.unwrap_or_else(|| py.None()))
        };
        Ok(Plan { operation: EntryGet::new(key, Vec::new()), call, finish })
    }

    /// The value and the seconds that it has left. None while somebody computes it, for `None`, which is a miss to whoever
    /// stored it, and for what nothing would ever end.
    fn read_original(&self, py: Python<'_>, key: &[u8], found: &Found) -> PyResult<Option<Py<PyAny>>> {
        let Ok(left) = u64::try_from(found.left) else { return Ok(None) };
        if is_placeholder(&found.stored) {
            return Ok(None);
        }
        let stats = &self.cache.local().stats;
        let Some(value) = self.values.decode(py, key, &found.stored, stats)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        let left = Duration::from_millis(left).as_secs_f64();
        Ok(Some((value, left).into_pyobject(py)?.into_any().unbind()))
    }

    fn lease_original(
        self: &Arc<Self>,
        key: &Object<'_>,
        seconds: &Object<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<OriginalTake<Met>, impl Finish<Taken>>> {
        let guise = self.guise()?;
        let lasts = args::duration(seconds, "seconds")?;
        let (full, critical) = self.key(key, version)?;
        let health = &self.cache.local().health;
        // Whoever waited for a read in vain does not wait for a lease as well.
        let forgotten = health.is_suspected() || health.is_forgotten(&full);
        let call = Call { forgotten, writes: self.writes(|| vec![full.clone()]), ..Call::new(Role::Spare) };
        let kept = Kept::new(Mutex::new(Ok(None)));
        let met = Met { inner: Arc::clone(self), kept: Arc::clone(&kept) };
        let finish = self.leased(key, version, critical, kept)?;
        Ok(Plan { operation: OriginalTake::new(full, guise, lasts, met), call, finish })
    }

    fn guise(&self) -> PyResult<Guise> {
        self.values.guise().ok_or_else(|| {
            ConfigError::new_err(
                "values='original' needs a cache that writes pickles or JSON and does not sign: its lease is a None in \
                 that form, which the old code takes for a miss",
            )
        })
    }

    fn fill_original(
        self: &Arc<Self>,
        lease: &PyLease,
        value: &Object<'_>,
        lifetime: &Object<'_>,
    ) -> PyResult<Plan<OriginalFill, impl Finish<Filled> + use<>>> {
        let grant = &lease.grant;
        let stored = self.values.encode(&grant.key, value)?;
        let operation = OriginalFill::new(grant, self.guise()?, stored, args::duration(lifetime, "lifetime")?);
        // What was forgotten since the lease was given waits to be forgotten by the server, too.
        let forgotten = self.cache.local().health.is_forgotten(&grant.key);
        let writes = self.writes(|| vec![grant.key.clone()]);
        let call = Call { critical: lease.critical, replaceable: true, forgotten, writes, ..Call::new(Role::Store) };
        let finish = self.filled(forgotten);
        Ok(Plan { operation, call, finish })
    }

    fn release_original(&self, lease: &PyLease) -> PyResult<Plan<LockRelease, impl Finish<bool> + use<>>> {
        let writes = self.writes(|| vec![lease.grant.key.clone()]);
        let call = Call { writes, ..Call::new(Role::Spare) };
        Ok(Plan { operation: original_release(&lease.grant, self.guise()?), call, finish: boolean })
    }
}

/// Reads a value that somebody stored before this lease was asked for.
struct Met {
    inner: Arc<Inner>,
    kept: Kept,
}

impl Judge for Met {
    fn accepts(&mut self, found: Found) -> bool {
        // The drivers hand replies over with the GIL held; `attach` only proves it. Nothing is signed here.
        let read = Python::attach(|py| self.inner.read_original(py, b"", &found));
        // An exception is an answer too: it ends the call.
        let accepted = !matches!(read, Ok(None));
        *self.kept.lock() = read;
        accepted
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, version=None))]
    fn _original(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.original(key, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _aoriginal<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.original(key, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, seconds, version=None))]
    fn _lease_original(&self, key: &Object<'_>, seconds: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.lease_original(key, seconds, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, seconds, version=None))]
    fn _alease_original<'py>(
        &self,
        key: &Object<'py>,
        seconds: &Object<'_>,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.lease_original(key, seconds, version)?.begin(key.py(), &self.inner)
    }

    fn _fill_original(
        &self,
        lease: &Bound<'_, PyLease>,
        value: &Object<'_>,
        lifetime: &Object<'_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.fill_original(lease.get(), value, lifetime)?.wait(lease.py(), &self.inner)
    }

    fn _afill_original<'py>(
        &self,
        lease: &Bound<'py, PyLease>,
        value: &Object<'_>,
        lifetime: &Object<'_>,
    ) -> PyResult<Object<'py>> {
        self.inner.fill_original(lease.get(), value, lifetime)?.begin(lease.py(), &self.inner)
    }

    fn _release_original(&self, lease: &Bound<'_, PyLease>) -> PyResult<Py<PyAny>> {
        self.inner.release_original(lease.get())?.wait(lease.py(), &self.inner)
    }

    fn _arelease_original<'py>(&self, lease: &Bound<'py, PyLease>) -> PyResult<Object<'py>> {
        self.inner.release_original(lease.get())?.begin(lease.py(), &self.inner)
    }
}
