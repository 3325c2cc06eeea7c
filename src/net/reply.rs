//! Reads replies, RESP2 and RESP3, from the bytes that have arrived so far. No I/O.
//!
//! A driver reads the socket into [`ReplyReader::space`], tells [`ReplyReader::filled`] how much came, and calls
//! [`ReplyReader::next`] until it says that more bytes are needed. Every byte is looked at once, however the bytes are cut.
//!
//! The server is not trusted: memory grows only with bytes that really arrived, and the size of a reply, its depth and
//! its lines are bounded. The wire format: <https://redis.io/docs/latest/develop/reference/protocol-spec/>

mod frames;
#[cfg(test)]
mod tests;
mod values;

use crate::error::{Error, Result};
use crate::op::Reply;
use frames::{Frame, Text};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use values::{integer, length, protocol, scalar, server_error, string};

/// Room of the first read. A string that is no longer than this waits in the buffer until it is whole, a longer one gets
/// its own memory, and the socket is read into that.
const FIRST_BYTES: usize = 16 << 10;

/// Largest buffer kept between replies; reads that fill their room make the buffer grow up to this.
const KEPT_BYTES: usize = 64 << 10;

/// The shortest reply, `_\r\n`.
const MIN_REPLY_BYTES: usize = 3;

/// The end of each line and string.
const END: &[u8; 2] = b"\r\n";

/// First bytes of the replies that are understood; streamed chunks (`;` and `.`) are not.
const KINDS: &[u8] = b"$+:*-_#,%~=(!>|";

/// How much a server may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One reply, in bytes on the wire. In memory a reply of many tiny parts takes up to 32 times as much.
    pub max_reply_bytes: usize,
    /// Arrays in arrays.
    pub max_depth: usize,
    /// A line without its type and its end, in bytes.
    pub max_line: usize,
}

impl Limits {
    /// The limit that users choose, and two that no sane reply comes near.
    #[must_use]
    pub const fn new(max_reply_bytes: usize) -> Self {
        Self { max_reply_bytes, max_depth: 16, max_line: 64 << 10 }
    }
}

/// Takes bytes, gives replies.
pub struct ReplyReader {
    limits: Limits,
    /// `start..end` came and was not parsed yet; behind that is room.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the line at `start`, after its type, that are known not to end it.
    scanned: usize,
    /// What the next read should be able to take.
    room: usize,
    /// Bytes that the reply under way has taken, and those of a string whose length is known.
    spent: usize,
    /// Arrays and maps under way, the outermost first.
    stack: Vec<Frame>,
    /// The string under way.
    text: Option<Text>,
    broken: Option<Error>,
    /// Whether pushes are handed over.
    listens: bool,
}

/// What the bytes at the front are.
enum Token {
    Reply(Reply),
    Open(Frame),
}

impl ReplyReader {
    /// A reader for a new connection; memory comes with the first read.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            room: FIRST_BYTES,
            spent: 0,
            stack: Vec::new(),
            text: None,
            broken: None,
            listens: false,
        }
    }

    /// Hands pushes over from now on, as [`Reply::Push`].
    pub fn listen(&mut self) {
        self.listens = true;
    }

    /// Where the socket should read into, never empty: the buffer, or the memory of a long string under way.
    #[must_use]
    pub fn space(&mut self) -> &mut [u8] {
        if !self.text.as_ref().is_some_and(Text::wants_bytes) {
            // What is left of a reply does not need a whole new room.
            self.make_room(if self.start == self.end { self.room } else { self.room / 4 });
        }
        match &mut self.text {
            Some(text) if text.wants_bytes() => text.space(),
            _ => &mut self.buffer[self.end..],
        }
    }

    /// Says that the first `count` bytes of [`Self::space`] were read.
    pub fn filled(&mut self, count: usize) {
        if self.broken.is_some() {
            return;
        }
        match &mut self.text {
            Some(text) if text.wants_bytes() => text.filled(count),
            _ => {
                debug_assert!(count <= self.buffer.len() - self.end, "the driver read past the space");
                self.end = self.end.saturating_add(count).min(self.buffer.len());
                if self.end == self.buffer.len() {
                    self.room = (self.room * 2).min(KEPT_BYTES);
                }
            }
        }
    }

    /// Takes bytes of a driver that is handed them.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        if let Some(text) = &mut self.text {
            bytes = text.feed(bytes);
        }
        if !bytes.is_empty() {
            self.make_room(bytes.len());
            let end = self.end + bytes.len();
            self.buffer[self.end..end].copy_from_slice(bytes);
            self.end = end;
        }
    }

    /// The next reply, or none when more bytes are needed. Attributes are checked and dropped, and so
    /// are pushes unless somebody listens.
    ///
    /// # Errors
    /// [`Error::Protocol`]: these bytes are no reply, or one beyond the limits. The connection cannot be used any more: every later
    /// call gives the same error.
    #[expect(clippy::should_implement_trait, reason = "no iterator: after `None` there may be more")]
    pub fn next(&mut self) -> Result<Option<Reply>> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let result = self.advance();
        match &result {
            Ok(None) => {}
            Ok(Some(_)) => self.finish(),
            Err(error) => *self = Self { broken: Some(error.clone()), ..Self::new(self.limits) },
        }
        result
    }

    /// Whether nothing was received beyond whole replies, which were all taken. Only then may the connection be used for
    /// another command.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.broken.is_none() && self.spent == 0 && self.start == self.end
    }

    /// Whether a string is under way that is too long for the buffer.
    #[must_use]
    pub fn is_amid_long(&self) -> bool {
        self.text.as_ref().is_some_and(Text::is_long)
    }

    fn advance(&mut self) -> Result<Option<Reply>> {
        loop {
            let reply = match self.token()? {
                None => return Ok(None),
                Some(Token::Reply(reply)) => Some(reply),
                Some(Token::Open(frame)) => {
                    if self.stack.len() >= self.limits.max_depth {
                        return Err(protocol(format!("a reply is nested deeper than {}", self.limits.max_depth)));
                    }
                    self.stack.push(frame);
                    None
                }
            };
            if let Some(reply) = self.settle(reply) {
                return Ok(Some(reply));
            }
        }
    }

    /// Puts a reply where it belongs and closes what is complete; gives it back when it is no part of another.
    fn settle(&mut self, mut reply: Option<Reply>) -> Option<Reply> {
        while let Some(frame) = self.stack.last_mut() {
            if let Some(part) = reply.take() {
                frame.add(part);
            }
            if !frame.is_complete() {
                return None;
            }
            if frame.is_push() {
                self.spent = 0;
            }
            reply = self.stack.pop().and_then(Frame::close);
        }
        reply
    }

    fn token(&mut self) -> Result<Option<Token>> {
        if let Some(text) = self.text.take() {
            return self.text(text);
        }
        let Some((kind, line)) = self.line()? else {
            return Ok(None);
        };
        let line = &self.buffer[line];
        let reply = match kind {
            b'$' | b'*' if line == b"-1" => Reply::Nil,
            b'$' | b'=' | b'!' => {
                let bytes = length(line)?;
                self.spend(bytes.saturating_add(END.len()))?;
                return self.text(Text::new(kind, bytes));
            }
            b':' => Reply::Int(integer(line).ok_or_else(|| protocol("an integer is none, or leaves 64 bits"))?),
            b'+' => Reply::Status(String::from_utf8_lossy(line).into_owned()),
            b'-' => server_error(line),
            b'*' | b'~' | b'%' | b'>' | b'|' => {
                let count = length(line)?;
                return self.open(kind, count).map(|frame| Some(Token::Open(frame)));
            }
            _ => scalar(kind, line).ok_or_else(|| protocol("a null, boolean or number is none"))?,
        };
        Ok(Some(Token::Reply(reply)))
    }

    /// Type and content of the line at the front, which it consumes.
    fn line(&mut self) -> Result<Option<(u8, Range<usize>)>> {
        let Some((&kind, rest)) = self.buffer[self.start..self.end].split_first() else {
            return Ok(None);
        };
        if !KINDS.contains(&kind) {
            return Err(protocol(format!("no reply begins with byte 0x{kind:02x}")));
        }
        let fresh = rest.get(self.scanned..).unwrap_or_default();
        let ending = fresh.iter().position(|byte| END.contains(byte));
        let length = self.scanned + ending.unwrap_or(fresh.len());
        if length > self.limits.max_line {
            return Err(protocol(format!("a line is longer than {} bytes", self.limits.max_line)));
        }
        let ending = rest.get(length..).unwrap_or_default();
        if ending.len() < END.len() && END.starts_with(ending) {
            self.scanned = length;
            return Ok(None);
        }
        if !ending.starts_with(END) {
            return Err(protocol("a line is not ended by CR LF"));
        }
        let content = self.start + 1..self.start + 1 + length;
        self.start = content.end + END.len();
        self.scanned = 0;
        self.spend(MIN_REPLY_BYTES + length)?;
        Ok(Some((kind, content)))
    }

    /// The string if it is whole; otherwise it stays under way.
    fn text(&mut self, mut text: Text) -> Result<Option<Token>> {
        let bytes = &self.buffer[self.start..self.end];
        let found = if let Some(whole) = text.find(bytes) {
            self.start += whole.len();
            Cow::Borrowed(whole)
        } else {
            if text.is_long() {
                self.start += bytes.len() - text.feed(bytes).len();
            }
            if text.wants_bytes() || !text.is_long() {
                self.text = Some(text);
                return Ok(None);
            }
            Cow::Owned(text.bytes)
        };
        string(text.kind, found).map(|reply| Some(Token::Reply(reply)))
    }

    fn open(&self, kind: u8, count: usize) -> Result<Frame> {
        if kind == b'>' && !self.stack.is_empty() {
            return Err(protocol("a push came inside a reply"));
        }
        let least =
            count.saturating_mul(if matches!(kind, b'%' | b'|') { 2 * MIN_REPLY_BYTES } else { MIN_REPLY_BYTES });
        if least > self.limits.max_reply_bytes - self.spent {
            return Err(self.too_large());
        }
        Ok(Frame::new(kind, count, self.listens))
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limits.max_reply_bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Error {
        protocol(format!("a reply is larger than max_reply_bytes, which is {} bytes", self.limits.max_reply_bytes))
    }

    /// After a whole reply: the next one starts to count, and memory that one large reply needed is given back.
    fn finish(&mut self) {
        self.spent = 0;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.buffer.truncate(KEPT_BYTES);
            self.buffer.shrink_to(KEPT_BYTES);
        }
    }

    /// Makes room for so many bytes behind those in the buffer.
    fn make_room(&mut self, least: usize) {
        let held = self.end - self.start;
        let is_short = self.buffer.len() - self.end < least;
        // Never moving more bytes than were parsed since the last move keeps the work linear.
        if is_short && self.start >= held {
            self.buffer.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = held;
        }
        let size = self.end + least;
        if size > self.buffer.len() {
            let size = size.max(self.buffer.len() * 2);
            self.buffer.reserve_exact(size - self.buffer.len());
            self.buffer.resize(size, 0);
        }
    }
}

/// Without what it holds: those are cached values.
impl fmt::Debug for ReplyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyReader").field("is_idle", &self.is_idle()).finish_non_exhaustive()
    }
}
