//! Values: Python objects ⇄ stored bytes.
//!
//! Integers are stored as their decimal text by every serializer, so that the server can count with them; that is also
//! what django-redis and Django do. Pickle is read by `CPython`'s own unpickler.

use super::errors::SerializationError;
use super::outcall;
use crate::config::{CacheSettings, Serializer};
use crate::stats::Stats;
use pyo3::exceptions::{
    PyArithmeticError, PyAssertionError, PyAttributeError, PyEOFError, PyException, PyImportError, PyLookupError,
    PyMemoryError, PyNameError, PyRuntimeError, PySyntaxError, PyTypeError, PyValueError,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PyString, PyType};

/// Integers of up to this many characters fit into 64 bits.
const SHORT_INTEGER: usize = 18;

/// Encodes and decodes for one cache.
pub(super) struct Values {
    serializer: Serializer,
    protocol: Py<PyAny>,
    dumps: Py<PyAny>,
    loads: Py<PyAny>,
}

impl Values {
    pub(super) fn new(py: Python<'_>, settings: &CacheSettings) -> PyResult<Self> {
        let module = py.import(match settings.serializer {
            Serializer::Pickle => intern!(py, "pickle"),
            Serializer::Json => intern!(py, "json"),
        })?;
        let protocol = match settings.pickle_protocol {
            Some(protocol) => protocol.into_pyobject(py)?.into_any().unbind(),
            None => py.None(),
        };
        Ok(Self {
            serializer: settings.serializer,
            protocol,
            dumps: module.getattr(intern!(py, "dumps"))?.unbind(),
            loads: module.getattr(intern!(py, "loads"))?.unbind(),
        })
    }

    /// The bytes to store.
    pub(super) fn encode(&self, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        let py = value.py();
        // Exactly `int`: a bool or an IntEnum must come back as what it was.
        if value.is_exact_instance_of::<PyInt>() {
            return Ok(value.str()?.to_str()?.as_bytes().to_vec());
        }
        let dumps = self.dumps.bind(py);
        match self.serializer {
            Serializer::Pickle => {
                let pickled = outcall::call(dumps, [value, self.protocol.bind(py)])
                    .map_err(|error| self.unstorable(value, error))?;
                Ok(pickled.cast::<PyBytes>()?.as_bytes().to_vec())
            }
            Serializer::Json => {
                let text = outcall::call(dumps, [value]).map_err(|error| self.unstorable(value, error))?;
                Ok(text.cast::<PyString>()?.to_str()?.as_bytes().to_vec())
            }
        }
    }

    /// The object, or none when the bytes are damaged: counted, and a miss to the caller.
    pub(super) fn decode<'py>(
        &self,
        py: Python<'py>,
        bytes: &[u8],
        stats: &Stats,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.load(py, bytes) {
            Ok(value) => Ok(Some(value)),
            // Anything else comes from outside: a signal handler that raised in the middle, a time limit.
            Err(error) if is_damage(py, &error)? => {
                stats.decode_error();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    #[inline]
    fn load<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if is_integer(bytes) {
            return integer(py, bytes);
        }
        outcall::call(self.loads.bind(py), [&PyBytes::new(py, bytes)])
    }

    fn unstorable(&self, value: &Bound<'_, PyAny>, cause: PyErr) -> PyErr {
        let py = value.py();
        // Out of memory and interrupts are not the value's fault.
        if !cause.is_instance_of::<PyException>(py) || cause.is_instance_of::<PyMemoryError>(py) {
            return cause;
        }
        let kind = value.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        // The cause names types, never the value.
        let error = SerializationError::new_err(match self.serializer {
            Serializer::Json => format!("a value of type {kind} cannot be stored as JSON; use serializer='pickle'"),
            Serializer::Pickle => format!("a value of type {kind} cannot be pickled"),
        });
        error.set_cause(py, Some(cause));
        error
    }
}

/// Whether this is what decoders raise over damaged bytes, or over a class that is no longer what it was. `MemoryError` is
/// one: a flipped bit makes pickle ask for the length it then reads.
fn is_damage(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
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
        || error.is_instance_of::<PyMemoryError>(py)
        || error.is_instance(py, UNPICKLING_ERROR.import(py, "pickle", "UnpicklingError")?))
}

fn is_integer(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn integer<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let text = String::from_utf8_lossy(bytes);
    if bytes.len() <= SHORT_INTEGER
        && let Ok(number) = text.parse::<i64>()
    {
        return Ok(number.into_pyobject(py)?.into_any());
    }
    py.get_type::<PyInt>().call1((text,))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_integer_is() {
        for text in ["0", "-1", "123456789012345678901234567890"] {
            assert!(is_integer(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "+1", "1.0", "1_0", " 1", "\u{80}\u{4}K\u{1}."] {
            assert!(!is_integer(text.as_bytes()), "{text}");
        }
    }
}
