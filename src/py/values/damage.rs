//! What damaged bytes make decoders raise.

use pyo3::exceptions::{
    PyArithmeticError, PyAssertionError, PyAttributeError, PyBufferError, PyEOFError, PyImportError, PyLookupError,
    PyMemoryError, PyNameError, PyRuntimeError, PySyntaxError, PySystemError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Whether this is what decoders raise over damaged bytes, or over a class that is no longer what it was. `MemoryError` is
/// one: a flipped bit makes pickle ask for the length it then reads.
pub(super) fn is_damage(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    static UNPICKLING_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Ok(error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyTypeError>(py)
        || error.is_instance_of::<PyLookupError>(py)
        || error.is_instance_of::<PyEOFError>(py)
        || error.is_instance_of::<PyAttributeError>(py)
        || error.is_instance_of::<PyImportError>(py)
        || error.is_instance_of::<PyArithmeticError>(py)
        || error.is_instance_of::<PyAssertionError>(py)
        || error.is_instance_of::<PyNameError>(py)
        || error.is_instance_of::<PyRuntimeError>(py)
        || error.is_instance_of::<PySyntaxError>(py)
        || error.is_instance_of::<PySystemError>(py)
        || error.is_instance_of::<PyBufferError>(py)
        || error.is_instance_of::<PyMemoryError>(py)
        || error.is_instance(py, UNPICKLING_ERROR.import(py, "pickle", "UnpicklingError")?))
}
