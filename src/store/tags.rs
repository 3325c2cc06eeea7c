//! Forgetting tags. A tag has a record, `{version}:{ms}`: a random version, and when it was last forgotten or made, by the
//! server's clock. An entry holds the versions it was filled under, so a new version forgets every entry of the tag at once,
//! however many there are. A record that is lost makes its entries misses, and brings none back.
//!
//! What was forgotten by key or pattern has one record for all: only its time is of interest, to loaders that read an older
//! state of the database.

use super::{Many, milliseconds};
use crate::codec::envelope::{self, Id, Version};
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Step};
use crate::script::Script;
use redis::cmd;
use ring::rand::{SecureRandom, SystemRandom};
use std::time::Duration;

pub(super) static FORGET: Script = Script::new(include_str!("tags_forget.lua"));

/// Records of one call: the server does nothing else meanwhile.
const RECORDS_PER_CALL: usize = 500;
/// How much longer than what depends on it a record lives, at least.
const RESERVE: Duration = Duration::from_secs(3600);
/// Bytes of a version, and the colon behind it.
const VERSION_BYTES: usize = 32;

/// A random id.
pub(super) fn random_id() -> Id {
    let mut id = Id::default();
    SystemRandom::new().fill(&mut id).expect("the system has random bytes, or TLS and Python would not work either");
    id
}

/// A random version.
pub(super) fn random_version() -> Version {
    let mut version = [0; VERSION_BYTES];
    envelope::hex(&random_id(), &mut version);
    version
}

/// The version in a record; none in what is no record.
#[inline]
#[must_use]
pub fn version(record: &[u8]) -> Option<&Version> {
    let (version, rest) = record.split_first_chunk()?;
    matches!(rest, [b':', _, ..]).then_some(version)
}

/// How long a record must live if what depends on it lives so long.
pub(super) fn record_ttl(lifetime: Duration) -> u64 {
    milliseconds(lifetime.saturating_add(RESERVE))
}

/// Gives records a new version and the time of now.
///
/// A server that is full, or lets this user run no scripts, is told to delete them instead, which it does under either: what
/// depends on them is forgotten as well. Only loaders of an older state then wait for the next record.
pub struct RecordsForget {
    records: Vec<FullKey>,
    next: usize,
    by_text: bool,
    by_deleting: bool,
}

impl RecordsForget {
    /// Of these records, of which there must be one at least when it is run.
    #[must_use]
    pub fn new(records: Vec<FullKey>) -> Self {
        Self { records, next: 0, by_text: false, by_deleting: false }
    }

    fn lot(&self) -> &[FullKey] {
        &self.records[self.next..(self.next + RECORDS_PER_CALL).min(self.records.len())]
    }
}

impl Many for RecordsForget {
    fn is_bulk(&self) -> bool {
        self.records.len() > RECORDS_PER_CALL
    }
}

impl Operation for RecordsForget {
    /// How many were asked for.
    type Outcome = usize;

    fn request(&mut self, commands: &mut dyn Commands) {
        let keys: Vec<&[u8]> = self.lot().iter().map(FullKey::as_slice).collect();
        if self.by_deleting {
            return commands.push(cmd("UNLINK").arg(keys));
        }
        let mut call = FORGET.call(&keys, self.by_text);
        for _ in keys {
            call.arg(&random_version()[..]);
        }
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<usize>> {
        match Script::reply(replies, &mut self.by_text) {
            Ok(Step::Again) => return Ok(Step::Again),
            Ok(Step::Done(reply)) => drop(reply.int()?),
            Err(Error::Server(refusal)) if !self.by_deleting && matches!(refusal.code.as_str(), "OOM" | "NOPERM") => {
                self.by_deleting = true;
                return Ok(Step::Again);
            }
            Err(error) => return Err(error),
        }
        self.next += self.lot().len();
        Ok(if self.next == self.records.len() { Step::Done(self.next) } else { Step::Again })
    }

    fn is_quick(&self) -> bool {
        self.records.len() == 1
    }
}
