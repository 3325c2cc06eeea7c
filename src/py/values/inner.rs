//! Values inside entries: the entry's payload is what is compressed and signed, so these are as the serializer has them.

use super::{Values, is_damage};
use crate::codec::{Damaged, Form};
use pyo3::prelude::*;
use std::borrow::Cow;

impl Values {
    /// The bytes of a value.
    pub(in crate::py) fn encode_inner(&self, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        match self.writer.integer(value)? {
            Some(text) => Ok(text),
            None => self.writer.write(value),
        }
    }

    /// The value in these bytes; none when they are damaged.
    pub(in crate::py) fn decode_inner<'py>(
        &self,
        py: Python<'py>,
        bytes: &[u8],
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.readers.are_foreign() {
            match self.readers.read_foreign(py, bytes) {
                Err(error) if is_damage(py, &error)? => {}
                found => return found.map(Some),
            }
        }
        match self.readers.read(py, Form::of(bytes), bytes) {
            Err(error) if is_damage(py, &error)? => Ok(None),
            found => found,
        }
    }

    /// Seals the payload of an entry.
    pub(in crate::py) fn seal(&self, py: Python<'_>, key: &[u8], payload: Vec<u8>) -> PyResult<Vec<u8>> {
        if self.codec.is_slow_to_seal(payload.len()) {
            return Ok(py.detach(|| self.codec.seal(key, payload))?);
        }
        Ok(self.codec.seal(key, payload)?)
    }

    /// Opens the sealed payload of an entry.
    #[inline]
    pub(in crate::py) fn unseal<'a>(
        &self,
        py: Python<'_>,
        key: &[u8],
        sealed: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, Damaged> {
        self.open(py, key, sealed).map(|(_, payload)| payload)
    }
}
