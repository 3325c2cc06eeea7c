//! The envelope of our own entries: who may fill it, what it depends on, how long it lives, and the answer or value inside.
//!
//! Stored is a head of fixed size, in the clear so that scripts can read it and write the lease into it, and behind it a
//! payload that [`Codec`](super::Codec) has sealed:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `0xC1` `he` `0x01` |
//! | 4 | 1 | [`Kind`] |
//! | 5 | 1 | flags, 0 |
//! | 6 | 16 | id of the fill, random |
//! | 22 | 16 | [`mark`] of the versions of its tags |
//! | 38 | 16 | token of the lease under way; zeros: none |
//! | 54 | 13 | when that lease ends, in decimal milliseconds of the server's clock; zeros: none |
//! | 67 | | the sealed payload; a placeholder has none |
//!
//! In the payload, numbers are little endian, and a text has its length in 4 bytes in front: the kind again, lest a change of
//! the head pass off an answer as a value; lifetime, fresh, age, stored at (milliseconds, 8 bytes each); the number of tags (2
//! bytes), and of each its name and 32 bytes of version. Then of an answer: status (2), `ETag`, the number of headers (2), of
//! each name and value, and the body; of a value: its bytes. Its first byte is no other form's, so no payload is taken for
//! one that is compressed or signed.

use super::Damaged;
use smallvec::SmallVec;

/// Bytes of the head.
pub const HEAD_BYTES: usize = 67;
/// The most tags of one entry.
pub const MAX_TAGS: usize = 64;
/// The most headers of one answer.
pub const MAX_HEADERS: usize = 256;

const MAGIC: &[u8; 4] = b"\xC1he\x01";
const ID: std::ops::Range<usize> = 6..22;
const NO_TOKEN: &[u8] = &[0; 16];
const NO_END: &[u8] = b"0000000000000";

/// What tells fills, and leases, from each other; random.
pub type Id = [u8; 16];
/// The version of a tag: random hex digits.
pub type Version = [u8; 32];
/// The beginning of a digest of the versions that an entry depends on.
pub type Mark = [u8; 16];

/// What is in an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing yet: somebody is computing it.
    Placeholder,
    /// An HTTP answer.
    Response,
    /// A value, as a serializer wrote it.
    Value,
}

/// How long an entry lives and stays fresh, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From storing it to its end.
    pub lifetime: u64,
    /// The age up to which it is fresh.
    pub fresh: u64,
    /// How old it was when it was stored.
    pub age: u64,
    /// When that was, since 1970-01-01 UTC, by the clock of whoever stored it: for people.
    pub stored_at: u64,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// Its status code.
    pub status: u16,
    /// Its `ETag`, or nothing.
    pub etag: &'a str,
    /// Names and values, in their order.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its body.
    pub body: &'a [u8],
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// An HTTP answer.
    Response(Response<'a>),
    /// A value, as a serializer wrote it.
    Value(&'a [u8]),
}

/// An envelope, opened as far as that needs no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// What is in it.
    pub kind: Kind,
    /// Which fill it is.
    pub fill: Id,
    /// The sealed payload.
    pub payload: &'a [u8],
}

/// A payload, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload<'a> {
    /// How long it lives and stays fresh.
    pub times: Times,
    /// Names and versions of what it depends on, sorted by name.
    pub tags: SmallVec<[(&'a str, Version); 4]>,
    /// What was stored.
    pub content: Content<'a>,
}

impl Content<'_> {
    /// What an envelope around it says.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Response(_) => Kind::Response,
            Self::Value(_) => Kind::Value,
        }
    }
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Placeholder => 0,
            Self::Response => 1,
            Self::Value => 2,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Placeholder, Self::Response, Self::Value].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Whether it begins as an envelope does.
#[inline]
#[must_use]
pub fn is_envelope(stored: &[u8]) -> bool {
    stored.starts_with(MAGIC)
}

/// The beginning of the SHA-1 of all versions, in hex: scripts can compute that, too.
#[must_use]
pub fn mark<'a>(versions: impl Iterator<Item = &'a Version>) -> Mark {
    let mut digest = sha1_smol::Sha1::new();
    versions.for_each(|version| digest.update(version));
    let mut mark = [0; 16];
    hex(&digest.digest().bytes()[..8], &mut mark);
    mark
}

/// Writes two hex digits for each byte.
pub fn hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// An envelope around a sealed payload, without a lease.
#[must_use]
pub fn wrap(kind: Kind, fill: &Id, mark: &Mark, sealed: &[u8]) -> Vec<u8> {
    let mut envelope = beginning(kind, fill, sealed.len());
    for part in [mark, NO_TOKEN, NO_END, sealed] {
        envelope.extend_from_slice(part);
    }
    envelope
}

/// What a placeholder begins with, up to the mark: somebody is computing the entry.
#[must_use]
pub fn placeholder() -> Vec<u8> {
    beginning(Kind::Placeholder, &[0; 16], 0)
}

fn beginning(kind: Kind, fill: &Id, more: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES + more);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&[kind.byte(), 0]);
    head.extend_from_slice(fill);
    head
}

/// What is in an envelope.
///
/// # Errors
/// It is none, or one of a kind that is unknown.
#[inline]
pub fn unwrap(stored: &[u8]) -> Result<Sealed<'_>, Damaged> {
    let (head, payload) = stored.split_at_checked(HEAD_BYTES).ok_or(Damaged)?;
    let kind = Kind::of(head[4]).filter(|_| is_envelope(head) && head[5] == 0).ok_or(Damaged)?;
    Ok(Sealed { kind, fill: id(head).ok_or(Damaged)?, payload })
}

/// Which fill that is, also where the kind is unknown.
#[must_use]
pub fn id(stored: &[u8]) -> Option<Id> {
    stored.get(ID)?.try_into().ok()
}

/// The payload, to be sealed. Of tags and headers there must be no more than the limits.
#[must_use]
pub fn write(payload: &Payload<'_>) -> Vec<u8> {
    let Payload { times, tags, content } = payload;
    let mut out = Vec::with_capacity(64 + tags.len() * 64 + room(content));
    out.push(content.kind().byte());
    for number in [times.lifetime, times.fresh, times.age, times.stored_at] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    push_count(&mut out, tags.len());
    for (name, version) in tags {
        push_text(&mut out, name);
        out.extend_from_slice(version);
    }
    match content {
        Content::Value(bytes) => out.extend_from_slice(bytes),
        Content::Response(response) => {
            out.extend_from_slice(&response.status.to_le_bytes());
            push_text(&mut out, response.etag);
            push_count(&mut out, response.headers.len());
            for (name, value) in &response.headers {
                push_text(&mut out, name);
                push_text(&mut out, value);
            }
            out.extend_from_slice(response.body);
        }
    }
    out
}

fn room(content: &Content<'_>) -> usize {
    match content {
        Content::Value(bytes) => bytes.len(),
        Content::Response(response) => response.body.len() + 64 * (1 + response.headers.len()),
    }
}

fn push_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Takes a payload apart; nothing is copied but versions.
///
/// # Errors
/// It is cut, longer than it says, beyond a limit, or of another kind than the head says; a header has more than one line.
pub fn read(kind: Kind, payload: &[u8]) -> Result<Payload<'_>, Damaged> {
    let mut rest = Rest(payload);
    if rest.array::<1>()? != [kind.byte()] {
        return Err(Damaged);
    }
    let times = Times { lifetime: rest.u64()?, fresh: rest.u64()?, age: rest.u64()?, stored_at: rest.u64()? };
    let tags = (0..rest.count(MAX_TAGS)?).map(|_| Ok((rest.text()?, rest.array()?))).collect::<Result<_, _>>()?;
    let content = match kind {
        Kind::Placeholder => return Err(Damaged),
        Kind::Value => Content::Value(rest.0),
        Kind::Response => {
            let (status, etag) = (u16::from_le_bytes(rest.array()?), rest.text()?);
            let headers = (0..rest.count(MAX_HEADERS)?).map(|_| Ok((rest.line()?, rest.line()?)));
            let headers = headers.collect::<Result<_, _>>()?;
            Content::Response(Response { status, etag, headers, body: rest.0 })
        }
    };
    Ok(Payload { times, tags, content })
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.try_into().map_err(|_| Damaged)
    }

    fn u64(&mut self) -> Result<u64, Damaged> {
        self.array().map(u64::from_le_bytes)
    }

    fn count(&mut self, limit: usize) -> Result<usize, Damaged> {
        let count = u16::from_le_bytes(self.array()?).into();
        if count <= limit { Ok(count) } else { Err(Damaged) }
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = u32::from_le_bytes(self.array()?);
        let bytes = self.take(usize::try_from(length).map_err(|_| Damaged)?)?;
        std::str::from_utf8(bytes).map_err(|_| Damaged)
    }

    /// A part of a header. Adapters hand it to the server as it is, and with an end of line it would be several.
    fn line(&mut self) -> Result<&'a str, Damaged> {
        self.text().and_then(|text| if text.contains(['\r', '\n']) { Err(Damaged) } else { Ok(text) })
    }
}

#[cfg(test)]
mod tests;
