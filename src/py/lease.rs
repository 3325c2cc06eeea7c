//! `hitrate._native.Lease`: the right to compute an entry and to fill it.

use crate::store::Grant;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Lease", module = "hitrate._native", frozen)]
pub(super) struct PyLease {
    /// The caller's key.
    #[pyo3(get)]
    pub(super) key: Py<PyString>,
    pub(super) version: Option<Py<PyAny>>,
    /// Whether failures of a fill raise.
    pub(super) critical: bool,
    pub(super) grant: Box<Grant>,
}

#[pymethods]
impl PyLease {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<hitrate lease of {}>", self.key.bind(py).repr()?))
    }
}
