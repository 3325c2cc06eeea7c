//! Values: Python objects ⇄ stored bytes.
//!
//! Integers are stored as their decimal text by every serializer, so that the server can count with them; that is also
//! what django-redis and Django do. What was stored by another serializer than the configured one is read too, pickles only
//! as far as `unpickle` allows.

mod damage;
mod inner;
mod known;
mod plain;
mod read;
mod text;
mod write;

use crate::codec::{Codec, Damaged, Form};
use crate::config::CacheSettings;
use crate::stats::Stats;
use crate::store::Guise;
use damage::is_damage;
pub(super) use plain::load_plain_pickle;
use pyo3::prelude::*;
use pyo3::types::PyInt;
use read::Readers;
use std::borrow::Cow;
use std::sync::Arc;
use write::Writer;

/// Integers of up to this many characters fit into 64 bits.
const SHORT_INTEGER: usize = 18;

/// Objects of the caller's that are no plain options.
pub(super) struct Custom<'py> {
    /// With `dumps` and `loads`, instead of one of ours.
    pub(super) serializer: Option<Bound<'py, PyAny>>,
    /// What JSON calls with an object it does not know.
    pub(super) json_default: Option<Bound<'py, PyAny>>,
}

/// Encodes and decodes for one cache.
pub(super) struct Values {
    codec: Arc<Codec>,
    writer: Writer,
    readers: Readers,
}

impl Values {
    pub(super) fn new(py: Python<'_>, settings: &CacheSettings, custom: Custom<'_>) -> PyResult<Self> {
        Ok(Self {
            codec: Arc::new(Codec::new(settings)),
            readers: Readers::new(py, settings, custom.serializer.as_ref())?,
            writer: Writer::new(py, settings, custom)?,
        })
    }

    /// As what a lease may stand in the key of a value: none where other programs would not take it for a miss.
    pub(super) fn guise(&self) -> Option<Guise> {
        match self.writer {
            _ if self.codec.is_signing() => None,
            Writer::Pickle { .. } => Some(Guise::Pickle),
            Writer::Json { .. } => Some(Guise::Json),
            Writer::MsgPack { .. } | Writer::Foreign { .. } => None,
        }
    }

    /// What it does to bytes.
    pub(super) fn codec(&self) -> &Arc<Codec> {
        &self.codec
    }

    /// The bytes to store at `key`.
    pub(super) fn encode(&self, key: &[u8], value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
        if let Some(text) = self.writer.integer(value)? {
            return Ok(self.codec.sign(key, text));
        }
        self.seal(value.py(), key, self.writer.write(value)?)
    }

    /// The object in what is stored at `key`, or none when the bytes are damaged: counted, and a miss to the caller. The key
    /// is needed only where values are signed.
    pub(super) fn decode<'py>(
        &self,
        py: Python<'py>,
        key: &[u8],
        stored: &[u8],
        stats: &Stats,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = match self.load(py, key, stored) {
            // Anything else comes from outside: a signal handler that raised in the middle, a time limit.
            Err(error) if is_damage(py, &error)? => None,
            found => found?,
        };
        if found.is_none() {
            stats.decode_error();
        }
        Ok(found)
    }

    #[inline]
    fn load<'py>(&self, py: Python<'py>, key: &[u8], stored: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.readers.are_foreign() {
            return self.load_foreign(py, key, stored);
        }
        match self.open(py, key, stored) {
            Ok((form, bytes)) => self.readers.read(py, form, &bytes),
            Err(Damaged) => Ok(None),
        }
    }

    #[inline]
    fn open<'a>(&self, py: Python<'_>, key: &[u8], stored: &'a [u8]) -> Result<(Form, Cow<'a, [u8]>), Damaged> {
        if self.codec.is_slow_to_open(stored) {
            return py.detach(|| self.codec.open(key, stored));
        }
        self.codec.open(key, stored)
    }

    /// First as somebody else's serializer has it, then as ours have it.
    fn load_foreign<'py>(&self, py: Python<'py>, key: &[u8], stored: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(content) = py.detach(|| self.codec.open_foreign(key, stored)) else {
            return Ok(None);
        };
        match self.readers.read_foreign(py, &content) {
            Err(error) if is_damage(py, &error)? => {}
            found => return found.map(Some),
        }
        let Ok((form, bytes)) = self.open(py, key, stored) else {
            return Ok(None);
        };
        if bytes != content {
            // It was compressed by another compressor.
            match self.readers.read_foreign(py, &bytes) {
                Err(error) if is_damage(py, &error)? => {}
                found => return found.map(Some),
            }
        }
        self.readers.read(py, form, &bytes)
    }
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
