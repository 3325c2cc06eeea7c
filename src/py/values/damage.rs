//! What damaged bytes make decoders raise.

use pyo3::exceptions::{
    PyArithmeticError, PyAssertionError, PyAttributeError, PyBufferError, PyEOFError, PyImportError, PyLookupError,
    PyMemoryError, PyNameError, PyRuntimeError, PySyntaxError, PySystemError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What decoders of the standard library raise that derives from none of the above.
const OF_DECODERS: [(&str, &str); 5] = [
    ("pickle", "UnpicklingError"),
    ("zlib", "error"),
    ("struct", "error"),
    ("gzip", "BadGzipFile"),
    ("lzma", "LZMAError"),
];

/// Whether this is what decoders raise over damaged bytes, or over a class that is no longer what it was. `MemoryError` is
/// one: a flipped bit makes pickle ask for the length it then reads.
pub(super) fn is_damage(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
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
        || of_decoders(py)?.iter().any(|class| error.is_instance(py, class.bind(py))))
}

fn of_decoders(py: Python<'_>) -> PyResult<&'static [Py<PyAny>]> {
    static CLASSES: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || {
        let mut classes = Vec::new();
        for (module, name) in OF_DECODERS {
            match py.import(module) {
                Ok(module) => classes.push(module.getattr(name)?.unbind()),
                // A Python may have been built without it.
                Err(missing) if missing.is_instance_of::<PyImportError>(py) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(classes)
    })?;
    Ok(classes)
}
