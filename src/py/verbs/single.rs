//! One value: get, set, add, delete.

use super::boolean;
use crate::cache::{Call, Local, Role};
use crate::invalidate::Forget;
use crate::keys::FullKey;
use crate::l1::Ticket;
use crate::py::aio;
use crate::py::args::TtlArg;
use crate::py::client::{Given, Inner, Nature, Object, PyClient};
use crate::py::errors::ConfigError;
use crate::py::near::Met;
use crate::py::plan::{Finish, Plan};
use crate::store::{AddOrGet, Condition, Exists, Get, Got, Set, Unlink};
use pyo3::prelude::*;
use std::sync::Arc;

/// A read of one key, beside the key.
#[derive(Clone, Copy)]
struct Reading {
    critical: bool,
    /// Its deletion still waits for the server.
    forgotten: bool,
    /// Whether the local cache may answer it.
    is_near: bool,
}

impl Inner {
    /// What a signature belongs to; empty, and not copied, where values are not signed.
    pub(super) fn name_to_verify(&self, key: &[u8]) -> Box<[u8]> {
        if self.values.codec().is_signing() { Box::from(key) } else { Box::default() }
    }

    /// Writes the full key to `full`.
    #[inline]
    fn reading(&self, key: &Object<'_>, version: Given<'_, '_>, full: &mut FullKey) -> PyResult<Reading> {
        let Nature { critical, may_be_local } = self.spell(key, version, full)?;
        let Local { health, l1, .. } = self.cache.local();
        let forgotten = health.is_forgotten(full);
        Ok(Reading { critical, forgotten, is_near: l1.is_some() && may_be_local && !forgotten })
    }

    /// `ticket` is asked for when the server has answered.
    fn get<T>(
        self: &Arc<Self>,
        key: FullKey,
        reading: Reading,
        default: Option<Py<PyAny>>,
        ticket: T,
    ) -> Plan<Get, impl Finish<Got> + use<T>>
    where
        T: FnOnce() -> Option<Ticket> + Send + 'static,
    {
        let Reading { critical, forgotten, is_near: with_lifetime } = reading;
        let call = Call { critical, forgotten, ..Call::new(Role::Read) };
        let inner = Arc::clone(self);
        // Where nothing is kept and nothing is signed, nobody needs the key afterwards.
        let name = if with_lifetime { Box::from(key.as_slice()) } else { self.name_to_verify(&key) };
        let finish = move |py: Python<'_>, got: Option<Got>| {
            let stats = &inner.cache.local().stats;
            if let Some(got) = got
                && let Some(value) = inner.take(py, &name, got, ticket())?
            {
                stats.hits.one();
                return Ok(value.unbind());
            }
            stats.misses.one();
            Ok(default.unwrap_or_else(|| py.None()))
        };
        Plan { operation: Get::new(key, with_lifetime), call, finish }
    }

    pub(super) fn set(
        self: &Arc<Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: TtlArg,
        version: Option<&Bound<'_, PyAny>>,
        condition: Condition,
    ) -> PyResult<Plan<Set, impl Finish<bool>>> {
        let ttl = ttl.or(self.cache.settings().cache.ttl);
        let (key, mut call) = self.keyed(key, version, Role::Exact)?;
        if condition == Condition::Always {
            call.forgotten = false;
            // What is gone at once is a deletion, and must not be lost as a store may be.
            call.role = if ttl.is_zero() { Role::Forget(Forget::Keys(vec![key.clone()])) } else { Role::Store };
        }
        let value = self.values.encode(&key, value)?;
        let (inner, name) = (Arc::clone(self), key.clone());
        let finish = move |py: Python<'_>, stored: Option<bool>| {
            let Local { stats, health, .. } = inner.cache.local();
            match stored {
                Some(true) => {
                    health.forgive(&name);
                    stats.sets.one();
                }
                None => stats.dropped_sets.one(),
                Some(false) => {}
            }
            boolean(py, stored)
        };
        Ok(Plan { operation: Set { key, value, ttl, condition }, call, finish })
    }

    pub(super) fn add_or_get(
        self: &Arc<Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: TtlArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<AddOrGet, impl Finish<Option<Vec<u8>>>>> {
        let (key, mut call) = self.keyed(key, version, Role::Store)?;
        // It would get the value that is to be deleted.
        call.forgotten = self.cache.local().health.is_forgotten(&key);
        let encoded = self.values.encode(&key, value)?;
        let (inner, name, value) = (Arc::clone(self), self.name_to_verify(&key), value.clone().unbind());
        let finish = move |py: Python<'_>, found: Option<Option<Vec<u8>>>| {
            let stats = &inner.cache.local().stats;
            match found {
                // None stands for bytes that cannot be decoded: they are to be overwritten.
                Some(Some(bytes)) => Ok(inner
                    .values
                    .decode(py, &name, &bytes, stats)?
                    .map(|found| (found.unbind(),))
                    .into_pyobject(py)?
                    .unbind()),
                Some(None) => {
                    stats.sets.one();
                    Ok((value,).into_pyobject(py)?.into_any().unbind())
                }
                None => {
                    stats.dropped_sets.one();
                    Ok((value,).into_pyobject(py)?.into_any().unbind())
                }
            }
        };
        let ttl = ttl.or(self.cache.settings().cache.ttl);
        Ok(Plan { operation: AddOrGet { key, value: encoded, ttl }, call, finish })
    }

    pub(super) fn delete(
        self: &Arc<Self>,
        key: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<Unlink, impl Finish<i64>>> {
        let (key, mut call) = self.keyed(key, version, Role::Store)?;
        call.role = Role::Forget(Forget::Keys(vec![key.clone()]));
        let inner = Arc::clone(self);
        let finish = move |py: Python<'_>, deleted: Option<i64>| {
            let deleted = deleted.map(|count| count > 0);
            if deleted == Some(true) {
                inner.cache.local().stats.deletes.one();
            }
            boolean(py, deleted)
        };
        Ok(Plan { operation: Unlink::new(vec![key]), call, finish })
    }

    pub(super) fn has(
        &self,
        key: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<Exists, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Read)?;
        Ok(Plan { operation: Exists { key }, call, finish: boolean })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, default=None, version=None, *, shared=false))]
    fn get(
        &self,
        key: &Object<'_>,
        default: Option<Py<PyAny>>,
        version: Given<'_, '_>,
        shared: bool,
    ) -> PyResult<Py<PyAny>> {
        let (py, inner) = (key.py(), &self.inner);
        let mut full = FullKey::new();
        let reading = inner.reading(key, version, &mut full)?;
        let ticket = match inner.shortcut(py, &full, reading.is_near, shared)? {
            Met::Value(value) => return Ok(value),
            Met::Nothing => return Ok(default.unwrap_or_else(|| py.None())),
            Met::Unknown(ticket) => ticket,
        };
        inner.get(full, reading, default, move || ticket).wait(py, inner)
    }

    #[pyo3(signature = (key, default, version, shared))]
    fn _aget<'py>(
        &self,
        key: &Object<'py>,
        default: Option<Py<PyAny>>,
        version: Given<'_, '_>,
        shared: bool,
    ) -> PyResult<Object<'py>> {
        let (py, inner) = (key.py(), &self.inner);
        let mut full = FullKey::new();
        let reading = inner.reading(key, version, &mut full)?;
        let ticket = match inner.shortcut(py, &full, reading.is_near, shared)? {
            Met::Value(value) => return aio::answered(py, value),
            Met::Nothing => return aio::answered(py, default.unwrap_or_else(|| py.None())),
            Met::Unknown(ticket) => ticket,
        };
        inner.get(full, reading, default, move || ticket).begin(py, inner)
    }

    #[pyo3(signature = (key, value, ttl=TtlArg::Default, version=None, *, nx=false, xx=false))]
    fn set(
        &self,
        key: &Object<'_>,
        value: &Object<'_>,
        ttl: TtlArg,
        version: Given<'_, '_>,
        nx: bool,
        xx: bool,
    ) -> PyResult<Py<PyAny>> {
        self.inner.set(key, value, ttl, version, condition(nx, xx)?)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, value, ttl, version, nx, xx))]
    fn _aset<'py>(
        &self,
        key: &Object<'py>,
        value: &Object<'py>,
        ttl: TtlArg,
        version: Given<'_, '_>,
        nx: bool,
        xx: bool,
    ) -> PyResult<Object<'py>> {
        self.inner.set(key, value, ttl, version, condition(nx, xx)?)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, value, ttl=TtlArg::Default, version=None))]
    fn add(&self, key: &Object<'_>, value: &Object<'_>, ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.set(key, value, ttl, version, Condition::IfAbsent)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, value, ttl=TtlArg::Default, version=None))]
    fn _aadd<'py>(
        &self,
        key: &Object<'py>,
        value: &Object<'py>,
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.set(key, value, ttl, version, Condition::IfAbsent)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, value, ttl=TtlArg::Default, version=None))]
    fn _add_or_get(
        &self,
        key: &Object<'_>,
        value: &Object<'_>,
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.add_or_get(key, value, ttl, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, value, ttl=TtlArg::Default, version=None))]
    fn _aadd_or_get<'py>(
        &self,
        key: &Object<'py>,
        value: &Object<'py>,
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.add_or_get(key, value, ttl, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn delete(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.delete(key, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _adelete<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.delete(key, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn has(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.has(key, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _ahas<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.has(key, version)?.begin(key.py(), &self.inner)
    }
}

fn condition(nx: bool, xx: bool) -> PyResult<Condition> {
    match (nx, xx) {
        (false, false) => Ok(Condition::Always),
        (true, false) => Ok(Condition::IfAbsent),
        (false, true) => Ok(Condition::IfPresent),
        (true, true) => {
            Err(ConfigError::new_err("'nx' and 'xx' exclude each other: store only if absent, or only if present"))
        }
    }
}
