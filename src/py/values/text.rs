//! UTF-8 → `str`.

use pyo3::ffi;
use pyo3::prelude::*;

/// A new text; none where it is no UTF-8. Lone surrogates are no UTF-8 either, whatever pickle says.
#[inline]
pub(super) fn new<'py>(py: Python<'py>, utf8: &[u8]) -> Option<Bound<'py, PyAny>> {
    // Python has the shortest ones at hand.
    if utf8.len() > 1 && utf8.is_ascii() { ascii(py, utf8) } else { decoded(py, utf8) }
}

/// The bytes of a text that `new` made of ASCII alone.
///
/// # Safety
/// It is one of those.
#[inline]
pub(super) unsafe fn bytes<'a>(text: &'a Bound<'_, PyAny>) -> &'a [u8] {
    // SAFETY: says the caller; as many bytes as the length says lie there, and never change.
    unsafe {
        let (data, length) = (ffi::PyUnicode_1BYTE_DATA(text.as_ptr()), ffi::PyUnicode_GET_LENGTH(text.as_ptr()));
        std::slice::from_raw_parts(data, length.cast_unsigned())
    }
}

#[inline]
fn ascii<'py>(py: Python<'py>, ascii: &[u8]) -> Option<Bound<'py, PyAny>> {
    // SAFETY: a new reference, or null with an exception set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(ascii.len().cast_signed(), 0x7F)) }.ok()?;
    // SAFETY: a text of ASCII has room for so many bytes, and nobody else has seen this one yet.
    unsafe { std::ptr::copy_nonoverlapping(ascii.as_ptr(), ffi::PyUnicode_1BYTE_DATA(made.as_ptr()), ascii.len()) };
    Some(made)
}

fn decoded<'py>(py: Python<'py>, utf8: &[u8]) -> Option<Bound<'py, PyAny>> {
    let (start, length) = (utf8.as_ptr().cast(), utf8.len().cast_signed());
    // SAFETY: so many bytes are there. A new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_DecodeUTF8(start, length, std::ptr::null())) }.ok()
}
