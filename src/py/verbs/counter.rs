//! Counting.

use crate::cache::Role;
use crate::py::args;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::store::{Incr, IncrSigned};
use pyo3::prelude::*;
use std::sync::Arc;

/// A count as Python has it; none when the server is away and the call can do without.
fn count(py: Python<'_>, count: Option<i64>) -> PyResult<Py<PyAny>> {
    Ok(count.into_pyobject(py)?.unbind())
}

impl Inner {
    fn incr(&self, key: &Object<'_>, delta: i64, version: Given<'_, '_>) -> PyResult<Plan<Incr, impl Finish<i64>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: Incr::new(key, delta), call, finish: count })
    }

    fn incr_signed(
        &self,
        key: &Object<'_>,
        delta: i64,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<IncrSigned, impl Finish<i64>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: IncrSigned::new(key, delta, Arc::clone(self.values.codec())), call, finish: count })
    }

    fn add_to(&self, key: &Object<'_>, delta: i64, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        if self.values.codec().is_signing() {
            return self.incr_signed(key, delta, version)?.wait(key.py(), self);
        }
        self.incr(key, delta, version)?.wait(key.py(), self)
    }

    fn add_to_later<'py>(
        self: &Arc<Self>,
        key: &Object<'py>,
        delta: i64,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        if self.values.codec().is_signing() {
            return self.incr_signed(key, delta, version)?.coroutine(key.py(), self);
        }
        self.incr(key, delta, version)?.coroutine(key.py(), self)
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, delta=None, version=None))]
    fn incr(&self, key: &Object<'_>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.add_to(key, args::delta(delta, 1)?, version)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn aincr<'py>(&self, key: &Object<'py>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.add_to_later(key, args::delta(delta, 1)?, version)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn decr(&self, key: &Object<'_>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.add_to(key, args::delta(delta, -1)?, version)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn adecr<'py>(&self, key: &Object<'py>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.add_to_later(key, args::delta(delta, -1)?, version)
    }
}
