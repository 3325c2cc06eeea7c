//! Serialized bytes → object, by the form they are in.

use super::integer;
use super::plain::PlainPickles;
use crate::codec::{Form, is_integer, pickle};
use crate::config::{CacheSettings, Serializer, Unpickle};
use crate::py::outcall;
use pyo3::exceptions::PyImportError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

/// The functions that read.
pub(super) struct Readers {
    json: Py<PyAny>,
    /// Takes the value out of its envelope, where there is one.
    envelope: Option<Py<PyAny>>,
    /// None where no pickle may be read.
    pickle: Option<Py<PyAny>>,
    /// Asked before.
    plain: PlainPickles,
    /// Pickles come from anybody.
    is_wary: bool,
    import_module: Py<PyAny>,
    /// Found when the first value needs it; none where `msgpack` is not installed.
    msgpack: PyOnceLock<Option<Py<PyAny>>>,
    /// Of the caller's own serializer.
    foreign: Option<Py<PyAny>>,
}

impl Readers {
    pub(super) fn new(py: Python<'_>, settings: &CacheSettings, foreign: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let writes_pickles = settings.serializer == Serializer::Pickle && foreign.is_none();
        let pickle = match settings.unpickle {
            None if !writes_pickles => None,
            Some(Unpickle::Never) => None,
            None | Some(Unpickle::Any) => Some(py.import("pickle")?.getattr("loads")?.unbind()),
            Some(Unpickle::Safe) => {
                let names = &settings.unpickle_globals;
                Some(py.import("hitrate.values")?.getattr("SafeLoads")?.call1((names,))?.unbind())
            }
        };
        let envelope = settings.json_envelope.then(|| py.import("hitrate.values")?.getattr("unwrap"));
        Ok(Self {
            json: py.import("json")?.getattr("loads")?.unbind(),
            envelope: envelope.transpose()?.map(Bound::unbind),
            pickle,
            plain: PlainPickles::default(),
            is_wary: settings.unpickle == Some(Unpickle::Safe),
            import_module: py.import("importlib")?.getattr("import_module")?.unbind(),
            msgpack: PyOnceLock::new(),
            foreign: foreign.map(|serializer| serializer.getattr("loads")).transpose()?.map(Bound::unbind),
        })
    }

    /// Whether the caller's own serializer is asked first.
    #[inline]
    pub(super) fn are_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// The object; none where nothing here may read this form.
    #[inline]
    pub(super) fn read<'py>(&self, py: Python<'py>, form: Form, bytes: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let loads = match form {
            Form::Integer => return integer(py, bytes).map(Some),
            Form::Json => Some(&self.json),
            Form::Pickle => match &self.pickle {
                // It names nothing, so whoever may read any pickle may read this one.
                Some(loads) => match self.plain.load(py, bytes) {
                    None if self.is_wary && !pickle::is_modest(bytes) => None,
                    None => Some(loads),
                    found => return Ok(found),
                },
                None => None,
            },
            Form::MsgPack => self.msgpack(py)?,
            Form::Compressed(_) | Form::Signed | Form::Envelope => None,
        };
        let Some(loads) = loads else { return Ok(None) };
        let value = outcall::call(loads.bind(py), [&PyBytes::new(py, bytes)])?;
        match &self.envelope {
            Some(unwrap) if form == Form::Json => outcall::call(unwrap.bind(py), [&value]).map(Some),
            _ => Ok(Some(value)),
        }
    }

    /// The object as the caller's own serializer reads it.
    pub(super) fn read_foreign<'py>(&self, py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        match &self.foreign {
            Some(loads) if !is_integer(bytes) => outcall::call(loads.bind(py), [&PyBytes::new(py, bytes)]),
            _ => integer(py, bytes),
        }
    }

    fn msgpack(&self, py: Python<'_>) -> PyResult<Option<&Py<PyAny>>> {
        let found = self.msgpack.get_or_try_init(py, || {
            match outcall::call(self.import_module.bind(py), [intern!(py, "msgpack")]) {
                Ok(module) => {
                    // By default it refuses keys that it has itself written.
                    let options = PyDict::new(py);
                    options.set_item(intern!(py, "strict_map_key"), false)?;
                    let unpackb = module.getattr(intern!(py, "unpackb"))?;
                    let partial = py.import(intern!(py, "functools"))?.getattr(intern!(py, "partial"))?;
                    Ok(Some(partial.call((unpackb,), Some(&options))?.unbind()))
                }
                Err(error) if error.is_instance_of::<PyImportError>(py) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        Ok(found.as_ref())
    }
}
