//! Reading an entry, in one round trip and without a script: the envelope, its remaining lifetime, the records of its tags.
//!
//! Age needs no clock of this machine: an envelope holds its whole lifetime, and the server says what is left of it.

use crate::clock;
use crate::codec::Damaged;
use crate::codec::envelope::{self, Kind, Payload, Sealed, Times};
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Route, Step};
use crate::store::tags;
use redis::Cmd;

/// What an entry depends on: tags, sorted by name, each with the key of its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Their names.
    pub names: Vec<Box<str>>,
    /// The keys of their records.
    pub records: Vec<FullKey>,
}

impl Tags {
    /// The key of an entry, and those of the records that may be made beside it.
    #[must_use]
    pub fn with_records_of(&self, key: &FullKey) -> Vec<FullKey> {
        std::iter::once(key).chain(&self.records).cloned().collect()
    }
}

/// Something that stands where an entry may be.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// What is stored.
    pub stored: Vec<u8>,
    /// How many milliseconds it still lives; negative: no lifetime.
    pub left: i64,
    /// The records of its tags.
    pub records: Vec<Option<Vec<u8>>>,
    /// When the server was asked, by [`clock::now_ms`].
    pub asked_at: u64,
    /// Which server said so.
    pub peer: u64,
}

/// How old an entry was when the server was asked, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Its age.
    pub age: u64,
    /// How long it still lives.
    pub left: u64,
    /// When the server was asked, by [`clock::now_ms`].
    pub asked_at: u64,
}

impl Found {
    /// What is inside, and the sealed payload; none while somebody computes it.
    ///
    /// # Errors
    /// It is no envelope, or one that nothing would ever end.
    #[inline]
    pub fn sealed(&self) -> Result<Option<Sealed<'_>>, Damaged> {
        let sealed = envelope::unwrap(&self.stored)?;
        match sealed.kind {
            Kind::Placeholder => Ok(None),
            _ if self.left < 0 => Err(Damaged),
            _ => Ok(Some(sealed)),
        }
    }

    /// How old it is.
    ///
    /// # Errors
    /// It is to live longer than it ever was, so that somebody has given it another lifetime.
    #[inline]
    pub fn age(&self, times: &Times) -> Result<Age, Damaged> {
        let left = u64::try_from(self.left).map_err(|_| Damaged)?;
        let passed = times.lifetime.checked_sub(left).ok_or(Damaged)?;
        Ok(Age { age: times.age.saturating_add(passed), left, asked_at: self.asked_at })
    }

    /// Whether it depends on these tags, and none of them was forgotten since it was filled.
    #[inline]
    #[must_use]
    pub fn is_current(&self, payload: &Payload<'_>, tags: &Tags) -> bool {
        let present = self.records.iter().map(|record| record.as_deref().and_then(tags::version));
        let mut asked = tags.names.iter().map(|name| &**name).zip(present);
        payload.tags.len() == tags.names.len()
            && self.records.len() == tags.names.len()
            && payload.tags.iter().all(|(name, version)| asked.next() == Some((*name, Some(version))))
    }
}

/// `PTTL`, `GET`, and `MGET` of the records. In this order: what changes in between makes the entry older than it is, or a
/// miss, and never younger.
pub struct EntryGet {
    key: FullKey,
    records: Vec<FullKey>,
    asked_at: u64,
    peer: u64,
}

impl EntryGet {
    /// The entry at `key`, whose tags have these records.
    #[must_use]
    pub fn new(key: FullKey, records: Vec<FullKey>) -> Self {
        Self { key, records, asked_at: 0, peer: Route::NOWHERE }
    }
}

impl Operation for EntryGet {
    type Outcome = Option<Found>;

    fn routed(&mut self, route: Route) {
        self.peer = route.peer;
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        // Before it is sent, so that the way here and back counts as age.
        self.asked_at = clock::now_ms();
        commands.push(&of_key("PTTL", &self.key));
        commands.push(&of_key("GET", &self.key));
        if !self.records.is_empty() {
            let mut mget = Cmd::with_capacity(1 + self.records.len(), 64 * (1 + self.records.len()));
            mget.arg("MGET");
            for record in &self.records {
                mget.arg(record.as_slice());
            }
            commands.push(&mget);
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Self::Outcome>> {
        let mut replies = replies.into_iter();
        let (Some(left), Some(stored)) = (replies.next(), replies.next()) else { return Err(missing()) };
        let left = left.int()?;
        let stored = match stored {
            // Something else stands there, a list perhaps: as damaged as any other bytes.
            Reply::Error(error) if error.code == "WRONGTYPE" => Some(Vec::new()),
            reply => reply.bytes()?,
        };
        let records = match replies.next() {
            Some(reply) => reply.array()?.into_iter().map(Reply::bytes).collect::<Result<_>>()?,
            None if self.records.is_empty() => Vec::new(),
            None => return Err(missing()),
        };
        // It came between the two questions: its lifetime is not known.
        let absent = left == GONE;
        let (asked_at, peer) = (self.asked_at, self.peer);
        let found = stored.filter(|_| !absent).map(|stored| Found { stored, left, records, asked_at, peer });
        Ok(Step::Done(found))
    }
}

/// What `PTTL` says where nothing is.
const GONE: i64 = -2;

/// A command of one key, in memory of the right size at once.
fn of_key(name: &str, key: &[u8]) -> Cmd {
    let mut command = Cmd::with_capacity(2, name.len() + key.len());
    command.arg(name).arg(key);
    command
}

fn missing() -> Error {
    Error::Protocol("a reply is missing".to_owned())
}
