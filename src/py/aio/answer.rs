//! An awaitable that has its result already.

use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

/// Awaiting it takes no turn of the event loop, and no future.
#[pyclass(name = "Answer", module = "hitrate._native", frozen)]
pub(super) struct PyAnswer {
    value: Mutex<Option<Py<PyAny>>>,
}

impl PyAnswer {
    pub(super) fn new(value: Py<PyAny>) -> Self {
        Self { value: Mutex::new(Some(value)) }
    }
}

#[pymethods]
impl PyAnswer {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Ends at once, which is how generators return.
    fn __next__(&self) -> PyResult<()> {
        match self.value.lock().take() {
            Some(value) => Err(PyStopIteration::new_err((value,))),
            None => Err(PyRuntimeError::new_err("this answer was taken already")),
        }
    }
}
