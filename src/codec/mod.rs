//! Value bytes ⇄ stored bytes: recognising forms, compression, signatures, the size limit. Knows nothing of objects.
//!
//! No stored form begins as another does, so one look at the first bytes tells what wrote a value, and serializer or
//! compressor can be changed without a flush:
//!
//! | begins with | form |
//! |---|---|
//! | `0xC1` `hs` `0x01` | [signed](sign): `MessagePack` never uses `0xC1`, and UTF-8 has no such byte |
//! | `0xC1` `he` `0x01` | [an entry of ours](envelope): an answer or a value with what it depends on |
//! | `0x1F8B`, `0xFD` `7zXZ`, `0x04224D18`, `0x28B52FFD`, `0x78` and a check | gzip, xz, lz4 frame, zstd, zlib |
//! | `0x80` and more | pickle of protocol 2 and up; in `MessagePack` that is an empty map, with nothing behind it |
//! | `0x80` and above | `MessagePack` |
//! | anything else that ends with a full stop | pickle of protocol 0 and 1; no JSON text ends so |
//! | digits only | an integer, whoever wrote it |
//! | anything else | JSON |

mod compress;
pub mod envelope;
pub mod pickle;
mod sign;

use crate::config::{CacheSettings, Compressor};
use crate::error::{Error, Result, shown_key};
use sign::Signer;
use std::borrow::Cow;

/// Bytes that are not what they should be: truncated, altered, forged, too long, or moved here from another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// What wrote some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Decimal text.
    Integer,
    /// Python's pickle.
    Pickle,
    /// JSON text.
    Json,
    /// `MessagePack`.
    MsgPack,
    /// Compressed; another form is inside.
    Compressed(Compressor),
    /// Signed; another form is inside.
    Signed,
    /// An entry of ours, which is no value.
    Envelope,
}

impl Form {
    /// Tells by the bytes themselves.
    #[inline]
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            // The usual ones first.
            [0x80, _, ..] => Self::Pickle,
            [b'{' | b'[' | b'"', ..] => Self::Json,
            _ if is_integer(bytes) => Self::Integer,
            _ if sign::is_signed(bytes) => Self::Signed,
            _ if envelope::is_envelope(bytes) => Self::Envelope,
            _ => match (compress::form(bytes), bytes) {
                (Some(compressor), _) => Self::Compressed(compressor),
                (None, [0x80..=0xFF, ..]) => Self::MsgPack,
                (None, [.., b'.']) => Self::Pickle,
                (None, _) => Self::Json,
            },
        }
    }
}

/// Whether it is decimal text.
#[inline]
#[must_use]
pub fn is_integer(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// What happens to the bytes of values on their way to the server and back.
#[derive(Debug)]
pub struct Codec {
    compressor: Option<Compressor>,
    level: Option<u8>,
    min_bytes: usize,
    max_bytes: usize,
    signer: Option<Signer>,
    accept_unsigned: bool,
}

impl Codec {
    /// From the settings of a cache.
    #[must_use]
    pub fn new(settings: &CacheSettings) -> Self {
        let compressor = settings.compressor;
        Self {
            compressor,
            level: settings.compress_level,
            min_bytes: settings.compress_min_bytes.or(compressor.map(Compressor::usual_min_bytes)).unwrap_or(0),
            max_bytes: settings.max_value_bytes,
            signer: Signer::new(&settings.signing_keys),
            accept_unsigned: settings.accept_unsigned,
        }
    }

    /// Whether values carry a signature, which belongs to their key.
    #[inline]
    #[must_use]
    pub fn is_signing(&self) -> bool {
        self.signer.is_some()
    }

    /// Whether [`seal`](Self::seal) will be at work for so long that others should not wait for it.
    #[must_use]
    pub fn is_slow_to_seal(&self, length: usize) -> bool {
        length > QUICK_BYTES && (self.is_signing() || self.compressor.is_some())
    }

    /// Whether [`open`](Self::open) will be at work for so long that others should not wait for it.
    #[inline]
    #[must_use]
    pub fn is_slow_to_open(&self, stored: &[u8]) -> bool {
        stored.len() > QUICK_COMPRESSED_BYTES
            && match Form::of(stored) {
                Form::Compressed(_) => true,
                Form::Signed => {
                    stored.len() > QUICK_BYTES || matches!(Form::of(sign::content(stored)), Form::Compressed(_))
                }
                _ => false,
            }
    }

    /// What to store for a serialized value: compressed if that is asked for and helps, signed if there are keys.
    ///
    /// # Errors
    /// It is longer than `max_value_bytes`, or the compressor failed.
    #[inline]
    pub fn seal(&self, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>> {
        self.check_length(key, value.len())?;
        let mut value = value;
        if let Some(compressor) = self.compressor
            && value.len() >= self.min_bytes
        {
            let packed = compress::pack(compressor, self.level, &value).map_err(|error| {
                Error::Unstorable(format!("the value at {} was not compressed: {error}", shown_key(key)))
            })?;
            if packed.len() < value.len() {
                value = packed;
            }
        }
        Ok(self.sign(key, value))
    }

    /// What to store for an integer: its text, never compressed, so that the server can count with it if it is not signed.
    #[must_use]
    pub fn sign(&self, key: &[u8], value: Vec<u8>) -> Vec<u8> {
        match &self.signer {
            None => value,
            Some(signer) => signer.sign(key, &value),
        }
    }

    fn check_length(&self, key: &[u8], length: usize) -> Result<()> {
        if length <= self.max_bytes {
            return Ok(());
        }
        Err(Error::Unstorable(format!(
            "the value at {} has {length} bytes, and 'max_value_bytes' is {}; store less under one key, or raise the limit",
            shown_key(key),
            self.max_bytes
        )))
    }

    /// The serialized value in what is stored at `key`, and its form, which is none of the outer ones.
    ///
    /// # Errors
    /// It is damaged, or signatures are required and this one is not of this key.
    #[inline]
    pub fn open<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<(Form, Cow<'a, [u8]>), Damaged> {
        let (form, content) = self.verified(key, stored)?;
        match form {
            Form::Compressed(compressor) => {
                let value = compress::unpack(compressor, content, self.max_bytes)?;
                match Form::of(&value) {
                    // Nobody writes these, and each more would let a short text grow further.
                    Form::Compressed(_) | Form::Signed | Form::Envelope => Err(Damaged),
                    form => Ok((form, Cow::Owned(value))),
                }
            }
            Form::Signed | Form::Envelope => Err(Damaged),
            form if content.len() <= self.max_bytes => Ok((form, Cow::Borrowed(content))),
            _ => Err(Damaged),
        }
    }

    /// The content without its signature, uncompressed only if it is in the form of the configured compressor: a serializer
    /// of somebody else's may write anything.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_foreign<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<Cow<'a, [u8]>, Damaged> {
        let (form, content) = self.verified(key, stored)?;
        if let Form::Compressed(compressor) = form
            && Some(compressor) == self.compressor
            && let Ok(value) = compress::unpack(compressor, content, self.max_bytes)
        {
            return Ok(Cow::Owned(value));
        }
        if form == Form::Envelope {
            return Err(Damaged);
        }
        if content.len() <= self.max_bytes { Ok(Cow::Borrowed(content)) } else { Err(Damaged) }
    }

    /// The content without its signature, and its form.
    #[inline]
    fn verified<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<(Form, &'a [u8]), Damaged> {
        let content = match (Form::of(stored), &self.signer) {
            (form, None) if form != Form::Signed => return Ok((form, stored)),
            // Whoever has no keys trusts the server anyway. This is what makes the way back from signing free.
            (_, None) => sign::content(stored),
            (Form::Signed, Some(signer)) => signer.verify(key, stored).ok_or(Damaged)?,
            (form, Some(_)) if self.accept_unsigned => return Ok((form, stored)),
            _ => return Err(Damaged),
        };
        Ok((Form::of(content), content))
    }

    /// The number at `key`, if there is one; numbers are never compressed.
    #[must_use]
    pub fn integer(&self, key: &[u8], stored: &[u8]) -> Option<i64> {
        let (form, text) = self.verified(key, stored).ok()?;
        if form != Form::Integer {
            return None;
        }
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// Fewer bytes than this are hashed or compressed sooner than the GIL is given away and taken back.
const QUICK_BYTES: usize = 16 << 10;
/// The same for bytes of which more come out.
const QUICK_COMPRESSED_BYTES: usize = 1 << 10;

#[cfg(test)]
mod tests;
