//! `hitrate._native.Entry`: a cached answer or value, as it was read.

use super::client::Inner;
use super::forms::Form;
use crate::bounded::{Weighed, allocated};
use crate::clock;
use crate::codec::Damaged;
use crate::codec::envelope::{self, Content, Id, Payload, Response, Sealed, Times};
use crate::store::{Age, Found, Tags};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Entry", module = "hitrate._native", frozen)]
pub(super) struct PyEntry {
    fill: Id,
    age: Age,
    times: Times,
    #[pyo3(get)]
    status: u16,
    #[pyo3(get)]
    headers: Py<PyTuple>,
    /// The same by their names in lower case, once that was asked for.
    by_name: PyOnceLock<Py<PyDict>>,
    #[pyo3(get)]
    etag: Py<PyString>,
    #[pyo3(get)]
    body: Py<PyBytes>,
    #[pyo3(get)]
    tags: Py<PyTuple>,
    names: Box<[Box<str>]>,
    value: Option<Value>,
}

/// A value of an entry: decoded once, to see that it is whole, and then anew for each who asks.
struct Value {
    inner: Arc<Inner>,
    /// The payload, or the envelope with it, and where the value begins in it.
    bytes: Vec<u8>,
    begins_at: usize,
    /// What was decoded, until somebody asks for it or the form stands for it.
    first: Mutex<Option<Py<PyAny>>>,
    /// Of an entry that is kept, where its value has one.
    form: OnceLock<Form>,
}

#[pymethods]
impl PyEntry {
    #[getter]
    fn value(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(value) = &self.value else { return Ok(py.None()) };
        if let Some(form) = value.form.get() {
            return form.make(py).map(Bound::unbind);
        }
        // Not in the condition of the `if`, where the lock would be held while Python decodes.
        let first = value.first.lock().take();
        if let Some(first) = first {
            return Ok(first);
        }
        let again = value.inner.values.decode_inner(py, &value.bytes[value.begins_at..])?;
        Ok(again.map_or_else(|| py.None(), Bound::unbind))
    }

    fn by_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let by_name = self.by_name.get_or_try_init(py, || {
            let found = PyDict::new(py);
            for pair in self.headers.bind(py) {
                let name = pair.get_item(0)?.extract::<PyBackedStr>()?.to_lowercase();
                found.set_item(name, pair)?;
            }
            Ok::<_, PyErr>(found.unbind())
        })?;
        by_name.bind(py).copy()
    }

    #[getter]
    fn age(&self) -> f64 {
        seconds(self.age_ms())
    }

    #[getter]
    fn fresh_for(&self) -> f64 {
        seconds(self.times.fresh) - seconds(self.age_ms())
    }

    #[getter]
    fn expires_in(&self) -> f64 {
        seconds(self.age.left) - seconds(self.since_asked())
    }

    #[getter]
    fn stored_at(&self) -> f64 {
        seconds(self.times.stored_at)
    }

    fn __repr__(&self) -> String {
        let what = if self.value.is_some() { "a value".to_owned() } else { format!("status {}", self.status) };
        format!("<hitrate entry, {what}, {:.3} s old>", self.age())
    }
}

impl PyEntry {
    /// Whether it was filled under these tags, sorted by name.
    pub(super) fn has_tags(&self, names: &[Box<str>]) -> bool {
        *self.names == *names
    }

    /// Makes it ready to be answered with again and again; the bytes it takes.
    pub(super) fn prepare_to_be_kept(&self, py: Python<'_>) -> PyResult<usize> {
        // Its headers stand in it twice: in order, and by name.
        let mut weight = 768 + allocated(33 + self.body.bind(py).len()?);
        for pair in self.headers.bind(py) {
            weight += 384 + pair.get_item(0)?.len()? + pair.get_item(1)?.len()?;
        }
        weight += self.names.iter().map(|name| 128 + 2 * name.len()).sum::<usize>();
        if let Some(value) = &self.value {
            weight += allocated(value.bytes.len());
            // In a statement of its own: nothing is built, and no Python is run, under the lock.
            let first = value.first.lock().as_ref().map(|first| first.clone_ref(py));
            if let Some(first) = first
                && let Some(form) = Form::of(first.bind(py))?
            {
                weight += form.weight();
                // Whoever was first made the same.
                let _ = value.form.set(form);
                // From now on everybody gets a copy of the form, and this would live as long as the form for nobody.
                let decoded = value.first.lock().take();
                // Not in the statement that holds the lock: what goes may run Python.
                drop(decoded);
            }
        }
        Ok(weight)
    }

    /// Which fill it is.
    pub(super) fn fill(&self) -> Id {
        self.fill
    }

    fn since_asked(&self) -> u64 {
        clock::now_ms().saturating_sub(self.age.asked_at)
    }

    fn age_ms(&self) -> u64 {
        self.age.age.saturating_add(self.since_asked())
    }
}

#[allow(clippy::cast_precision_loss)] // 285,000 years fit into the 53 bits.
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

impl Inner {
    /// The entry in what was found. Damage is counted. The key is needed only where values are signed.
    pub(super) fn read_entry(
        self: &Arc<Self>,
        py: Python<'_>,
        key: &[u8],
        tags: &Tags,
        found: Found,
    ) -> PyResult<Option<PyEntry>> {
        let read = self.read_found(py, key, tags, found)?;
        Ok(read.unwrap_or_else(|Damaged| {
            self.cache.local().stats.decode_error();
            None
        }))
    }

    /// The entry in what was found, whatever became of its tags; a value in it is left as its bytes. Runs nothing of it.
    pub(super) fn peek_into(&self, py: Python<'_>, key: &[u8], found: &Found) -> PyResult<Option<PyEntry>> {
        let Ok(Some(Sealed { kind, fill, payload: sealed })) = found.sealed() else { return Ok(None) };
        let Ok(opened) = self.values.unseal(py, key, sealed) else { return Ok(None) };
        let Ok(payload) = envelope::read(kind, &opened) else { return Ok(None) };
        let Ok(age) = found.age(&payload.times) else { return Ok(None) };
        let mut entry = PyEntry::new(py, fill, age, &payload)?;
        if let Content::Value(bytes) = payload.content {
            entry.body = PyBytes::new(py, bytes).unbind();
        }
        Ok(Some(entry))
    }

    /// None while it is being computed, and when a tag was forgotten.
    fn read_found(
        self: &Arc<Self>,
        py: Python<'_>,
        key: &[u8],
        tags: &Tags,
        found: Found,
    ) -> PyResult<Result<Option<PyEntry>, Damaged>> {
        let Sealed { kind, fill, payload: sealed } = match found.sealed() {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(Ok(None)),
            Err(Damaged) => return Ok(Err(Damaged)),
        };
        let Ok(opened) = self.values.unseal(py, key, sealed) else { return Ok(Err(Damaged)) };
        let (mut entry, value) = {
            let Ok(payload) = envelope::read(kind, &opened) else { return Ok(Err(Damaged)) };
            let Ok(age) = found.age(&payload.times) else { return Ok(Err(Damaged)) };
            if !found.is_current(&payload, tags) {
                return Ok(Ok(None));
            }
            let value = match payload.content {
                Content::Response(_) => None,
                Content::Value(bytes) => match self.values.decode_inner(py, bytes)? {
                    None => return Ok(Err(Damaged)),
                    Some(value) => Some((bytes.len(), value.unbind())),
                },
            };
            (PyEntry::new(py, fill, age, &payload)?, value)
        };
        if let Some((length, first)) = value {
            let bytes = match opened {
                Cow::Owned(payload) => payload,
                Cow::Borrowed(_) => found.stored,
            };
            let begins_at = bytes.len() - length;
            entry.value = Some(Value {
                inner: Arc::clone(self),
                bytes,
                begins_at,
                first: Mutex::new(Some(first)),
                form: OnceLock::new(),
            });
        }
        Ok(Ok(Some(entry)))
    }
}

impl PyEntry {
    fn new(py: Python<'_>, fill: Id, age: Age, payload: &Payload<'_>) -> PyResult<Self> {
        let names = payload.tags.iter().map(|(name, _)| PyString::new(py, name)).collect::<Vec<_>>();
        let (status, headers, etag, body) = match &payload.content {
            Content::Value(_) => (0, PyTuple::empty(py), "", &[][..]),
            Content::Response(Response { status, etag, headers, body }) => (*status, pairs(py, headers)?, *etag, *body),
        };
        Ok(Self {
            fill,
            age,
            times: payload.times,
            status,
            headers: headers.unbind(),
            by_name: PyOnceLock::new(),
            etag: PyString::new(py, etag).unbind(),
            body: PyBytes::new(py, body).unbind(),
            tags: PyTuple::new(py, names)?.unbind(),
            names: payload.tags.iter().map(|(name, _)| Box::from(*name)).collect(),
            value: None,
        })
    }
}

fn pairs<'py>(py: Python<'py>, headers: &[(&str, &str)]) -> PyResult<Bound<'py, PyTuple>> {
    let mut pairs = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        pairs.push(PyTuple::new(py, [PyString::new(py, name), PyString::new(py, value)])?);
    }
    PyTuple::new(py, pairs)
}
