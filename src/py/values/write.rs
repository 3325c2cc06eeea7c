//! Object → serialized bytes.

use super::Custom;
use crate::config::{CacheSettings, Serializer};
use crate::py::errors::{ConfigError, SerializationError};
use crate::py::outcall;
use pyo3::exceptions::{PyException, PyImportError, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyString};

/// The function that writes.
pub(super) enum Writer {
    Pickle {
        dumps: Py<PyAny>,
        protocol: Py<PyAny>,
    },
    Json {
        encode: Py<PyAny>,
        /// Puts the value into its envelope, where there is one.
        envelope: Option<Py<PyAny>>,
    },
    MsgPack {
        packb: Py<PyAny>,
    },
    /// The caller's own.
    Foreign {
        dumps: Py<PyAny>,
    },
}

impl Writer {
    pub(super) fn new(py: Python<'_>, settings: &CacheSettings, custom: Custom<'_>) -> PyResult<Self> {
        if let Some(serializer) = custom.serializer {
            return Ok(Self::Foreign { dumps: serializer.getattr("dumps")?.unbind() });
        }
        Ok(match settings.serializer {
            Serializer::Pickle => Self::Pickle {
                dumps: py.import("pickle")?.getattr("dumps")?.unbind(),
                protocol: settings.pickle_protocol.into_pyobject(py)?.unbind(),
            },
            Serializer::Json => {
                if custom.json_default.as_ref().is_some_and(|default| !default.is_callable()) {
                    return Err(ConfigError::new_err("'json_default' must be a function of one argument, or None"));
                }
                let options = PyDict::new(py);
                options.set_item("ensure_ascii", settings.json_ascii)?;
                options.set_item("default", custom.json_default)?;
                // Its `encode` is what `json.dumps` calls in the end.
                let encoder = py.import("json")?.getattr("JSONEncoder")?.call((), Some(&options))?;
                let envelope = settings.json_envelope.then(|| py.import("hitrate.values")?.getattr("wrap"));
                Self::Json {
                    encode: encoder.getattr("encode")?.unbind(),
                    envelope: envelope.transpose()?.map(Bound::unbind),
                }
            }
            Serializer::MsgPack => match py.import("msgpack") {
                Ok(module) => Self::MsgPack { packb: module.getattr("packb")?.unbind() },
                Err(error) if error.is_instance_of::<PyImportError>(py) => {
                    let missing = ConfigError::new_err(
                        "serializer 'msgpack' needs the package msgpack; install it with: pip install 'hitrate[msgpack]'",
                    );
                    missing.set_cause(py, Some(error));
                    return Err(missing);
                }
                Err(error) => return Err(error),
            },
        })
    }

    /// The text of an integer, if it is stored as that.
    pub(super) fn integer(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
        let is_integer = match self {
            Self::Json { envelope: Some(_), .. } => false,
            // As one byte it would be read as a digit.
            Self::MsgPack { .. } => value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>(),
            // Exactly `int`: a bool or an IntEnum must come back as what it was.
            _ => value.is_exact_instance_of::<PyInt>(),
        };
        if !is_integer {
            return Ok(None);
        }
        let text = if value.is_exact_instance_of::<PyInt>() {
            value.str()
        } else {
            outcall::call(&value.py().get_type::<PyInt>(), [value]).and_then(|number| number.str())
        };
        let text = text.map_err(|error| self.unstorable(value, error))?;
        Ok(Some(text.to_str()?.as_bytes().to_vec()))
    }

    /// The bytes of an object.
    pub(super) fn write(&self, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        self.dump(value).and_then(|made| bytes(&made)).map_err(|error| self.unstorable(value, error))
    }

    fn dump<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        match self {
            Self::Pickle { dumps, protocol } => outcall::call(dumps.bind(py), [value, protocol.bind(py)]),
            Self::Json { encode, envelope: None } => outcall::call(encode.bind(py), [value]),
            Self::Json { encode, envelope: Some(wrap) } => {
                outcall::call(encode.bind(py), [&outcall::call(wrap.bind(py), [value])?])
            }
            Self::MsgPack { packb } => outcall::call(packb.bind(py), [value]),
            Self::Foreign { dumps } => outcall::call(dumps.bind(py), [value]),
        }
    }

    fn unstorable(&self, value: &Bound<'_, PyAny>, cause: PyErr) -> PyErr {
        let py = value.py();
        // Out of memory and interrupts are not the value's fault.
        if !cause.is_instance_of::<PyException>(py) || cause.is_instance_of::<PyMemoryError>(py) {
            return cause;
        }
        let kind = value.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        // The cause names types, never the value.
        let error = SerializationError::new_err(match self {
            Self::Json { .. } => format!("a value of type {kind} cannot be stored as JSON; use serializer='pickle'"),
            Self::Pickle { .. } => format!("a value of type {kind} cannot be pickled"),
            Self::MsgPack { .. } => {
                format!("a value of type {kind} cannot be stored as MessagePack; use serializer='pickle'")
            }
            Self::Foreign { .. } => format!("a value of type {kind} was not stored: its serializer raised"),
        });
        error.set_cause(py, Some(cause));
        error
    }
}

/// What a serializer returned, as bytes; texts are UTF-8.
fn bytes(made: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = made.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(text) = made.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().to_vec());
    }
    let kind = made.get_type().qualname()?.to_string();
    Err(SerializationError::new_err(format!("dumps() returned {kind}; it must return bytes")))
}
