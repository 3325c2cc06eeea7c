//! What the keys of known systems are made of: Python's objects as text, exactly as Python would write them.
//!
//! Plain values are written by the core. Whatever else there is, is given to Python's own `str`, `format` and
//! `json.dumps`, so that the text is the original's by construction.

use super::errors::ConfigError;
use super::key_function::KeyFunction;
use super::outcall;
use crate::keys::pairs::{NotUtf8, PairsLayout, Shows};
use crate::keys::scalar::Scalar;
use crate::keys::{digest, query};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyCFunction, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Deeper values are left to Python, which knows its limit, and a circle when it sees one.
const MAX_DEPTH: usize = 64;

/// Bytes that hold most keys.
pub(super) const ROOM: usize = 160;

/// A mapping's items.
pub(super) type Entries<'py> = SmallVec<[(Bound<'py, PyAny>, Bound<'py, PyAny>); 8]>;

/// The same, sorted by name.
type Items<'a, 'py> = SmallVec<[(Cow<'a, [u8]>, &'a Bound<'py, PyAny>); 8]>;

/// How a value becomes text: as `str(value)`, or as in an f-string, which asks the type's `__format__`.
#[derive(Clone, Copy)]
enum Wording {
    Str,
    Format,
}

/// A layout of keys that end in parameters by name.
#[pyclass(name = "PairsLayout", module = "hitrate._native", frozen)]
pub(super) struct PyPairsLayout {
    layout: PairsLayout,
    wording: Wording,
}

#[pymethods]
impl PyPairsLayout {
    #[new]
    #[pyo3(signature = (between, separator, *, shows, digits=8, empty=None, keep_none=false, formatted=false))]
    fn new(
        between: String,
        separator: String,
        shows: &str,
        digits: usize,
        empty: Option<String>,
        keep_none: bool,
        formatted: bool,
    ) -> PyResult<Self> {
        let shows = match shows {
            "pairs" => Shows::Pairs,
            "digest" => Shows::Digest { digits },
            "both" => Shows::Both { digits },
            _ => {
                let message = format!("unknown 'shows' {shows:?}; use 'pairs', 'digest' or 'both'");
                return Err(ConfigError::new_err(message));
            }
        };
        let wording = if formatted { Wording::Format } else { Wording::Str };
        Ok(Self { layout: PairsLayout { between, separator, keeps_none: keep_none, shows, empty }, wording })
    }

    fn key<'py>(&self, prefix: &Bound<'py, PyString>, params: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyString>> {
        let mut out = Vec::with_capacity(ROOM);
        out.extend_from_slice(&bytes(prefix)?);
        self.end(params.py(), out, &entries(params))
    }

    #[pyo3(signature = (like, *, scope=None))]
    fn function<'py>(
        slf: Bound<'py, Self>,
        like: &Bound<'py, PyAny>,
        scope: Option<String>,
    ) -> PyResult<Bound<'py, PyCFunction>> {
        KeyFunction::new(slf.unbind(), like, scope)?.into_python(like)
    }
}

impl PyPairsLayout {
    /// The key that begins with `out`.
    pub(super) fn end<'py>(
        &self,
        py: Python<'py>,
        out: Vec<u8>,
        entries: &Entries<'py>,
    ) -> PyResult<Bound<'py, PyString>> {
        let mut key = self.layout.begin(out);
        let mut items = Items::new();
        sort(entries, &mut items)?;
        for (name, value) in &items {
            self.word(value, |scalar| key.push(name.as_ref(), scalar))?;
        }
        match key.finish() {
            Ok(key) => python_text(py, key),
            // Python says best where the surrogate is.
            Err(NotUtf8 { text }) => Err(python_text(py, text)?.to_str().expect_err("it is not UTF-8")),
        }
    }

    /// Gives the value, as this layout writes it, to `write`.
    #[inline]
    pub(super) fn word(&self, value: &Bound<'_, PyAny>, write: impl FnOnce(Scalar<'_>)) -> PyResult<()> {
        if let Ok(text) = value.cast_exact::<PyString>() {
            write(Scalar::Text(&bytes(text)?));
        } else if let Some(scalar) = number(value) {
            write(scalar);
        } else {
            let text = match self.wording {
                Wording::Str => outcall::text(value)?,
                Wording::Format => formatted(value)?,
            };
            write(Scalar::Text(&bytes(&text)?));
        }
        Ok(())
    }
}

/// `json.dumps(value, sort_keys=True)`, with `default=str` on demand.
#[pyfunction]
#[pyo3(signature = (value, default_str=false))]
pub(super) fn sorted_json<'py>(value: &Bound<'py, PyAny>, default_str: bool) -> PyResult<Bound<'py, PyString>> {
    let mut out = Vec::with_capacity(128);
    if write_json(value, default_str, MAX_DEPTH, &mut out)? {
        return python_text(value.py(), out);
    }
    pythons_json(value, default_str)
}

/// The first `digits` hex digits of the MD5 of the text in UTF-8.
#[pyfunction]
#[pyo3(signature = (text, digits=32))]
pub(super) fn md5_hex<'py>(py: Python<'py>, text: &str, digits: usize) -> PyResult<Bound<'py, PyString>> {
    let mut out = Vec::with_capacity(32);
    digest::write_hex(&digest::md5(text), digits, &mut out);
    python_text(py, out)
}

/// The first `digits` hex digits of the SHA-256 of the text in UTF-8.
#[pyfunction]
#[pyo3(signature = (text, digits=64))]
pub(super) fn sha256_hex<'py>(py: Python<'py>, text: &str, digits: usize) -> PyResult<Bound<'py, PyString>> {
    let mut out = Vec::with_capacity(64);
    digest::write_hex(&digest::sha256(text), digits, &mut out);
    python_text(py, out)
}

/// `QueryDict(query).urlencode()`.
#[pyfunction]
pub(super) fn normalise_query(query: &str) -> String {
    query::normalise(query)
}

/// `QueryDict(query).dict()`: of a repeated name, the last value.
#[pyfunction]
pub(super) fn last_values<'py>(py: Python<'py>, query: &str) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    for (name, list) in query::lists(query) {
        values.set_item(name, list.last())?;
    }
    Ok(values)
}

/// The items themselves, so that no Python code that runs later can take them away.
#[inline]
pub(super) fn entries<'py>(params: &Bound<'py, PyDict>) -> Entries<'py> {
    params.iter().collect()
}

/// Adds them to `items`, sorted by name, as Python sorts text. In place, for moving that many bytes would show.
#[inline]
fn sort<'a, 'py>(entries: &'a [(Bound<'py, PyAny>, Bound<'py, PyAny>)], items: &mut Items<'a, 'py>) -> PyResult<()> {
    for (name, value) in entries {
        items.push((bytes(name.cast::<PyString>()?)?, value));
    }
    items.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Ok(())
}

/// None, a bool, a float or an int of 64 bits, but no instance of a class that derives from these.
#[inline]
fn number<'a>(value: &Bound<'_, PyAny>) -> Option<Scalar<'a>> {
    if value.is_none() {
        return Some(Scalar::None);
    }
    if let Ok(value) = value.cast_exact::<PyBool>() {
        return Some(Scalar::Bool(value.is_true()));
    }
    if let Ok(value) = value.cast_exact::<PyInt>() {
        return value.extract().ok().map(Scalar::Int);
    }
    value.cast_exact::<PyFloat>().ok().map(|value| Scalar::Float(value.value()))
}

/// Writes the JSON of a value; false where only Python knows what it would write, or what it would raise.
fn write_json(value: &Bound<'_, PyAny>, default_str: bool, depth: usize, out: &mut Vec<u8>) -> PyResult<bool> {
    if depth == 0 {
        return Ok(false);
    }
    if let Some(scalar) = number(value) {
        scalar.write_json(out);
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        Scalar::Text(&bytes(text)?).write_json(out);
    } else if let Ok(map) = value.cast_exact::<PyDict>() {
        return write_map(map, default_str, depth - 1, out);
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        return write_list(list.iter(), default_str, depth - 1, out);
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        return write_list(tuple.iter(), default_str, depth - 1, out);
    } else if default_str && !is_known_to_json(value) {
        Scalar::Text(&bytes(&outcall::text(value)?)?).write_json(out);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// What `json` does not give to `default`: instances of classes that derive from its own, and ints beyond 64 bits.
fn is_known_to_json(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyDict>()
        || value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
}

fn write_map(map: &Bound<'_, PyDict>, default_str: bool, depth: usize, out: &mut Vec<u8>) -> PyResult<bool> {
    let entries = entries(map);
    // Other keys are coerced, left out or refused, and sorted before that.
    if !entries.iter().all(|(name, _)| name.is_exact_instance_of::<PyString>()) {
        return Ok(false);
    }
    out.push(b'{');
    let mut items = Items::new();
    sort(&entries, &mut items)?;
    for (at, (name, value)) in items.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        Scalar::Text(name).write_json(out);
        out.extend_from_slice(b": ");
        if !write_json(value, default_str, depth, out)? {
            return Ok(false);
        }
    }
    out.push(b'}');
    Ok(true)
}

fn write_list<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    default_str: bool,
    depth: usize,
    out: &mut Vec<u8>,
) -> PyResult<bool> {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        if !write_json(&item, default_str, depth, out)? {
            return Ok(false);
        }
    }
    out.push(b']');
    Ok(true)
}

/// `json.dumps(value, sort_keys=True, default=str)`, by Python.
fn pythons_json<'py>(value: &Bound<'py, PyAny>, default_str: bool) -> PyResult<Bound<'py, PyString>> {
    static ENCODERS: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();
    let py = value.py();
    let encoders = ENCODERS.get_or_try_init(py, || {
        let class = py.import("json")?.getattr("JSONEncoder")?;
        let options = PyDict::new(py);
        options.set_item("sort_keys", true)?;
        let plain = class.call((), Some(&options))?.getattr("encode")?.unbind();
        options.set_item("default", py.get_type::<PyString>())?;
        let with_str = class.call((), Some(&options))?.getattr("encode")?.unbind();
        PyResult::Ok([plain, with_str])
    })?;
    Ok(outcall::call(encoders[usize::from(default_str)].bind(py), [value])?.cast_into()?)
}

/// `format(value, "")`, which is what an f-string does.
fn formatted<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    static FORMAT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let format = FORMAT.import(py, "builtins", "format")?;
    Ok(outcall::call(format, [value, PyString::new(py, "").as_any()])?.cast_into()?)
}

/// The text in UTF-8, with lone surrogates as they are.
#[inline]
pub(super) fn bytes<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let encoded = text.as_any().call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Cow::Owned(encoded.extract()?))
}

fn python_text(py: Python<'_>, text: Vec<u8>) -> PyResult<Bound<'_, PyString>> {
    match String::from_utf8(text) {
        Ok(text) => Ok(PyString::new(py, &text)),
        Err(text) => {
            let bytes = pyo3::types::PyBytes::new(py, text.as_bytes());
            PyString::from_encoded_object(&bytes, Some(c"utf-8"), Some(c"surrogatepass"))
        }
    }
}
