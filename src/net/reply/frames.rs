//! Replies under way: arrays and maps whose parts are still to come, and a string whose end is.

use super::END;
use crate::op::Reply;

/// Parts that get memory before they came.
const PARTS_AHEAD: usize = 1024;

/// Bytes of a string that get memory before they came, unless more than these have come.
const BYTES_AHEAD: usize = 64 << 10;

/// An array, a map, or something that is dropped, with the number of parts to come.
pub(super) struct Frame {
    parts: Parts,
    missing: usize,
}

enum Parts {
    Array(Vec<Reply>),
    Map {
        pairs: Vec<(Reply, Reply)>,
        key: Option<Reply>,
    },
    /// What the server says about the reply that follows.
    Attribute,
    /// What the server says unasked; none where nobody listens.
    Push(Option<Vec<Reply>>),
}

impl Frame {
    /// Begins the array, set, map, attribute or push that says it has `count` parts, or pairs.
    pub(super) fn new(kind: u8, count: usize, listens: bool) -> Self {
        let ahead = count.min(PARTS_AHEAD);
        let (parts, missing) = match kind {
            b'%' => (Parts::Map { pairs: Vec::with_capacity(ahead), key: None }, count.saturating_mul(2)),
            b'|' => (Parts::Attribute, count.saturating_mul(2)),
            b'>' => (Parts::Push(listens.then(|| Vec::with_capacity(ahead))), count),
            _ => (Parts::Array(Vec::with_capacity(ahead)), count),
        };
        Self { parts, missing }
    }

    pub(super) fn add(&mut self, reply: Reply) {
        self.missing = self.missing.saturating_sub(1);
        match &mut self.parts {
            Parts::Array(items) | Parts::Push(Some(items)) => {
                make_room(items, self.missing);
                items.push(reply);
            }
            Parts::Map { pairs, key } => match key.take() {
                None => *key = Some(reply),
                Some(name) => {
                    make_room(pairs, self.missing / 2);
                    pairs.push((name, reply));
                }
            },
            Parts::Attribute | Parts::Push(None) => {}
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    pub(super) fn is_push(&self) -> bool {
        matches!(self.parts, Parts::Push(_))
    }

    /// The reply it became, if it is not one to drop.
    pub(super) fn close(self) -> Option<Reply> {
        match self.parts {
            Parts::Array(items) => Some(Reply::Array(items)),
            Parts::Map { pairs, .. } => Some(Reply::Map(pairs)),
            Parts::Push(heard) => heard.map(Reply::Push),
            Parts::Attribute => None,
        }
    }

    /// Memory that it holds, its parts included.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        use super::tests::held_bytes;
        match &self.parts {
            Parts::Array(items) | Parts::Push(Some(items)) => {
                items.capacity() * size_of::<Reply>() + items.iter().map(held_bytes).sum::<usize>()
            }
            Parts::Map { pairs, key } => {
                let inside: usize = pairs.iter().map(|(key, value)| held_bytes(key) + held_bytes(value)).sum();
                pairs.capacity() * size_of::<(Reply, Reply)>() + inside + key.as_ref().map_or(0, held_bytes)
            }
            Parts::Attribute | Parts::Push(None) => 0,
        }
    }
}

/// Makes room for one more, and for as many again as are there if so many are still to come after it.
fn make_room<T>(items: &mut Vec<T>, missing: usize) {
    if items.len() == items.capacity() {
        items.reserve_exact(missing.saturating_add(1).min(items.len().max(PARTS_AHEAD)));
    }
}

/// A string, with the line end behind it.
pub(super) struct Text {
    /// `$`, `=` or `!`.
    pub(super) kind: u8,
    /// The string and its end; in memory of its own only if it is long. `filled` bytes came, the rest is room.
    pub(super) bytes: Vec<u8>,
    filled: usize,
    size: usize,
}

impl Text {
    pub(super) fn new(kind: u8, length: usize) -> Self {
        Self { kind, bytes: Vec::new(), filled: 0, size: length.saturating_add(END.len()) }
    }

    /// Whether it has memory of its own instead of waiting in the buffer.
    pub(super) fn is_long(&self) -> bool {
        self.size > super::FIRST_BYTES
    }

    pub(super) fn wants_bytes(&self) -> bool {
        self.is_long() && self.filled < self.size
    }

    /// The string and its end, if they are at the front of the buffer.
    pub(super) fn find<'a>(&self, buffer: &'a [u8]) -> Option<&'a [u8]> {
        if self.filled == 0 { buffer.get(..self.size) } else { None }
    }

    /// Room behind what came. One read never gets more room than there are bytes already, or [`BYTES_AHEAD`].
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let ahead = (self.size - self.filled).min(self.filled.max(BYTES_AHEAD));
            self.bytes.reserve_exact(ahead);
            self.bytes.resize(self.filled + ahead, 0);
        }
        &mut self.bytes[self.filled..]
    }

    pub(super) fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.filled, "the driver read past the space");
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }

    /// Takes what belongs to it, gives back the rest.
    pub(super) fn feed<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.wants_bytes() && !bytes.is_empty() {
            let space = self.space();
            let (mine, rest) = bytes.split_at(space.len().min(bytes.len()));
            space[..mine.len()].copy_from_slice(mine);
            self.filled(mine.len());
            bytes = rest;
        }
        bytes
    }

    /// Memory that it holds.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}
