//! What may be shared because nothing can change it, and what it takes.

use crate::bounded::allocated;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt, PyString, PyType};

/// What a string takes beside its characters: of ASCII, and any other.
const ASCII_BYTES: usize = 64;
const TEXT_BYTES: usize = 72;
const NUMBER_BYTES: usize = 48;

/// Types of the standard library whose objects nothing can change, each with the bytes that one takes.
pub(super) struct Leaves {
    types: Vec<(Py<PyType>, usize)>,
    datetime: [Py<PyType>; 2],
    timezones: Vec<Py<PyType>>,
}

impl Leaves {
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        let named = |module: &str, name: &str| -> PyResult<Py<PyType>> {
            Ok(py.import(module)?.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Self {
            types: vec![
                (named("decimal", "Decimal")?, 128),
                (named("datetime", "date")?, 32),
                (named("datetime", "timedelta")?, 48),
                (named("uuid", "UUID")?, 144),
            ],
            datetime: [named("datetime", "datetime")?, named("datetime", "time")?],
            timezones: vec![named("datetime", "timezone")?, named("zoneinfo", "ZoneInfo")?],
        })
    }

    /// The bytes that an unchangeable object takes; none for any other.
    #[inline]
    pub(super) fn weigh(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if value.is_exact_instance_of::<PyString>() {
            return text(value).map(Some);
        }
        if value.is_exact_instance_of::<PyInt>() {
            return Ok(Some(if value.extract::<i64>().is_ok() { NUMBER_BYTES } else { said(value)? }));
        }
        if value.is_none() || value.is_exact_instance_of::<PyBool>() {
            return Ok(Some(0));
        }
        if value.is_exact_instance_of::<PyFloat>() || value.is_exact_instance_of::<PyComplex>() {
            return Ok(Some(NUMBER_BYTES));
        }
        if let Ok(bytes) = value.cast_exact::<PyBytes>() {
            return Ok(Some(allocated(bytes.as_bytes().len() + 33)));
        }
        let kind = value.get_type();
        if self.datetime.iter().any(|known| known.is(&kind)) {
            return Ok(self.is_plain_zone(&value.getattr(intern!(value.py(), "tzinfo"))?).then_some(64));
        }
        Ok(self.types.iter().find(|(known, _)| known.is(&kind)).map(|(_, bytes)| *bytes))
    }

    /// Whether this is a time zone of the standard library's, or none.
    fn is_plain_zone(&self, zone: &Bound<'_, PyAny>) -> bool {
        zone.is_none() || self.timezones.iter().any(|known| known.is(zone.get_type()))
    }
}

/// What a string takes, and its UTF-8, which the interpreter keeps beside it from the first time that anybody needs it: everybody
/// gets this string, and some driver or encoder will. It is counted, and not made.
fn text(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let text = value.cast::<PyString>()?;
    // SAFETY: the GIL is held, and nothing changes a string that others have.
    let characters = unsafe { text.data() }?;
    let (length, width, utf8) = match characters {
        PyStringData::Ucs1(found) if found.is_ascii() => return Ok(allocated(ASCII_BYTES + found.len())),
        PyStringData::Ucs1(found) => {
            (found.len(), 1, found.iter().map(|one| utf8_bytes(u32::from(*one))).sum::<usize>())
        }
        PyStringData::Ucs2(found) => (found.len(), 2, found.iter().map(|one| utf8_bytes(u32::from(*one))).sum()),
        PyStringData::Ucs4(found) => (found.len(), 4, found.iter().map(|one| utf8_bytes(*one)).sum()),
    };
    Ok(allocated(TEXT_BYTES + width * (length + 1)) + allocated(utf8 + 1))
}

/// Bytes of a character; a lone surrogate has none in UTF-8, and three in what goes round that.
fn utf8_bytes(character: u32) -> usize {
    char::from_u32(character).map_or(3, char::len_utf8)
}

/// What the object itself says that it takes.
pub(super) fn said(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    Ok(allocated(value.call_method0(intern!(value.py(), "__sizeof__"))?.extract()?))
}
