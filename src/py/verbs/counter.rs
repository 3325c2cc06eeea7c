//! Counting.

use crate::cache::Role;
use crate::py::args;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::store::Incr;
use pyo3::prelude::*;
use std::sync::Arc;

/// A count as Python has it; none when the server is away and the call can do without.
fn count(py: Python<'_>, count: Option<i64>) -> PyResult<Py<PyAny>> {
    Ok(count.into_pyobject(py)?.unbind())
}

impl Inner {
    fn incr(&self, key: &Object<'_>, delta: i64, version: Given<'_, '_>) -> PyResult<Plan<Incr, impl Finish<i64>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: Incr::new(key, delta, Arc::clone(self.values.codec())), call, finish: count })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, delta=None, version=None))]
    fn incr(&self, key: &Object<'_>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.incr(key, args::delta(delta, 1)?, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn _aincr<'py>(&self, key: &Object<'py>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.incr(key, args::delta(delta, 1)?, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn decr(&self, key: &Object<'_>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.incr(key, args::delta(delta, -1)?, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, delta=None, version=None))]
    fn _adecr<'py>(&self, key: &Object<'py>, delta: Given<'_, '_>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.incr(key, args::delta(delta, -1)?, version)?.begin(key.py(), &self.inner)
    }
}
