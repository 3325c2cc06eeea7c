//! `hitrate._native.Lease`: the right to compute an entry and to fill it.

use super::client::{Given, Inner, Object};
use super::outcall;
use super::plan::Finish;
use crate::store::{Grant, Taken};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::Arc;
use std::time::Duration;

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

/// What was met where a lease was asked for, as the caller gets it, or what Python raised over it.
pub(super) type Kept = Arc<Mutex<PyResult<Option<Py<PyAny>>>>>;

impl Inner {
    /// Makes what the caller of a lease gets: it; or what was met; or the seconds that somebody else's has left; or `None`.
    pub(super) fn leased(
        self: &Arc<Self>,
        key: &Object<'_>,
        version: Given<'_, '_>,
        critical: bool,
        kept: Kept,
    ) -> PyResult<impl Finish<Taken> + use<>> {
        let inner = Arc::clone(self);
        let (key, version) = (outcall::text(key)?.unbind(), version.map(|version| version.clone().unbind()));
        Ok(move |py: Python<'_>, taken: Option<Taken>| {
            let kept = std::mem::replace(&mut *kept.lock(), Ok(None))?;
            match taken {
                Some(Taken::Ours(grant)) => {
                    inner.cache.local().stats.leases.one();
                    Ok(Py::new(py, PyLease { key, version, critical, grant })?.into_any())
                }
                Some(Taken::Theirs(left)) => {
                    Ok(Duration::from_millis(left).as_secs_f64().into_pyobject(py)?.into_any().unbind())
                }
                Some(Taken::Filled) | None => Ok(kept.unwrap_or_else(|| py.None())),
            }
        })
    }
}
