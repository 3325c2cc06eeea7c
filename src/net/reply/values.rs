//! The content of lines and strings, as replies. Pure functions; no message holds what came, which may be a cached value.

use super::END;
use crate::error::{Error, Result, ServerError};
use crate::op::Reply;
use std::borrow::Cow;

/// Longest error text that is kept.
const MAX_ERROR_BYTES: usize = 512;

/// Longest encoding of one character in UTF-8.
const MAX_CHAR_BYTES: usize = 4;

pub(super) fn protocol(message: impl Into<String>) -> Error {
    Error::Protocol(message.into())
}

/// A string, checked to its last byte; `bytes` has its end still on it.
pub(super) fn string(kind: u8, bytes: Cow<'_, [u8]>) -> Result<Reply> {
    let Some(text) = bytes.strip_suffix(END) else {
        return Err(protocol("a string is longer than its length says"));
    };
    match kind {
        b'!' => Ok(server_error(text)),
        b'=' if text.get(3) == Some(&b':') => Ok(Reply::Bulk(text[4..].to_vec())),
        b'=' => Err(protocol("a verbatim string does not name its format")),
        _ => Ok(Reply::Bulk(match bytes {
            Cow::Borrowed(_) => text.to_vec(),
            Cow::Owned(mut bytes) => {
                bytes.truncate(bytes.len() - END.len());
                bytes
            }
        })),
    }
}

/// The length of a string, or the number of parts.
pub(super) fn length(line: &[u8]) -> Result<usize> {
    let add = |sum: usize, byte: &u8| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(usize::from(byte - b'0')),
        _ => None,
    };
    match line {
        b"?" => Err(protocol("a streamed reply came, which is not understood")),
        b"" => Err(protocol("a length is missing")),
        digits => digits.iter().try_fold(0, add).ok_or_else(|| protocol("a length is no number, or a huge one")),
    }
}

pub(super) fn integer(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.parse().ok()
}

/// The short types of RESP3: null, boolean, double and big number.
pub(super) fn scalar(kind: u8, line: &[u8]) -> Option<Reply> {
    match (kind, line) {
        (b'_', b"") => Some(Reply::Nil),
        (b'#', b"t") => Some(Reply::Bool(true)),
        (b'#', b"f") => Some(Reply::Bool(false)),
        (b',', b"inf") => Some(Reply::Double(f64::INFINITY)),
        (b',', b"-inf") => Some(Reply::Double(f64::NEG_INFINITY)),
        // Redis before 7.2 prints the sign of a NaN where the C library does.
        (b',', b"nan" | b"-nan") => Some(Reply::Double(f64::NAN)),
        (b',', digits) if digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            str::from_utf8(digits).ok()?.parse().ok().map(Reply::Double)
        }
        (b'(', number) => {
            let digits = number.strip_prefix(b"-").or(number.strip_prefix(b"+")).unwrap_or(number);
            let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            is_number.then(|| Reply::Status(String::from_utf8_lossy(number).into_owned()))
        }
        _ => None,
    }
}

/// An error reply, cut.
pub(super) fn server_error(line: &[u8]) -> Reply {
    // The last character that begins in time is looked at whole, so that it is not taken for invalid UTF-8.
    let line = line.get(..MAX_ERROR_BYTES + MAX_CHAR_BYTES - 1).unwrap_or(line);
    let mut text = String::from_utf8_lossy(line).into_owned();
    let cut = (0..=MAX_ERROR_BYTES.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(cut.unwrap_or_default());
    Reply::Error(ServerError::parse(&text))
}
