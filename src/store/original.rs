//! The lease of a value in the form of another program, which reads the same key and knows nothing of leases.
//!
//! The token stands in the value's own key, as it does in entries of our own: a pickle of `None` that carries it. Programs that
//! take `None` for a miss compute, and whatever they do to the key (delete it, store what they computed) voids the lease.

use super::entry::Found;
use super::lease::{Filled, Grant, Judge, Taken, unknown};
use super::lock::LockRelease;
use super::{milliseconds, tags};
use crate::clock;
use crate::codec::envelope::Id;
use crate::error::Result;
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Step};
use crate::script::Script;
use std::time::Duration;

pub(super) static TAKE: Script = Script::new(include_str!("original_take.lua"));
pub(super) static FILL: Script = Script::new(include_str!("original_fill.lua"));

/// A pickle of protocol 3: bytes with our name and a token, which it drops again, then `None`.
const BEGINNING: &[u8] = b"\x80\x03C\x1ehitrate:lease:";
const END: &[u8] = b"0N.";

/// Whether these bytes say that somebody computes the value.
#[must_use]
pub fn is_placeholder(stored: &[u8]) -> bool {
    stored.starts_with(BEGINNING)
}

fn placeholder(token: &Id) -> Vec<u8> {
    [BEGINNING, token, END].concat()
}

/// Takes the lease of a value.
pub struct OriginalTake<J> {
    key: FullKey,
    lasts: Duration,
    /// Of a value that the judge has refused.
    refused: String,
    token: Id,
    judge: J,
    asked_at: u64,
    by_text: bool,
}

impl<J> OriginalTake<J> {
    /// Of the value at `key`, for `lasts`.
    #[must_use]
    pub fn new(key: FullKey, lasts: Duration, judge: J) -> Self {
        Self { key, lasts, refused: String::new(), token: tags::random_id(), judge, asked_at: 0, by_text: false }
    }
}

impl<J: Judge> Operation for OriginalTake<J> {
    type Outcome = Taken;

    fn request(&mut self, commands: &mut dyn Commands) {
        self.asked_at = clock::now_ms();
        let mut call = TAKE.call(&[&self.key], self.by_text);
        call.arg(placeholder(&self.token)).arg(milliseconds(self.lasts)).arg(BEGINNING).arg(&self.refused);
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Taken>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        let mut parts = reply.array()?.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Reply::Int(1)), None, None) => {
                Ok(Step::Done(Taken::Ours(Box::new(Grant::alone(self.key.clone(), self.token)))))
            }
            (Some(Reply::Int(0)), Some(Reply::Int(left)), None) => Ok(Step::Done(Taken::theirs(left))),
            (Some(Reply::Int(2)), Some(Reply::Int(left)), Some(Reply::Bulk(stored))) => {
                let digest = sha1_smol::Sha1::from(&stored).digest().to_string();
                if self.judge.accepts(Found { stored, left, records: Vec::new(), asked_at: self.asked_at }) {
                    return Ok(Step::Done(Taken::Filled));
                }
                self.refused = digest;
                Ok(Step::Again)
            }
            _ => Err(unknown()),
        }
    }
}

/// Stores what was computed under a lease.
pub struct OriginalFill {
    key: FullKey,
    token: Id,
    value: Vec<u8>,
    lifetime: Duration,
    by_text: bool,
}

impl OriginalFill {
    /// Stores `value` for `lifetime`, if the lease still holds.
    #[must_use]
    pub fn new(grant: &Grant, value: Vec<u8>, lifetime: Duration) -> Self {
        Self { key: grant.key.clone(), token: *grant.token(), value, lifetime, by_text: false }
    }
}

impl Operation for OriginalFill {
    type Outcome = Filled;

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut call = FILL.call(&[&self.key], self.by_text);
        call.arg(placeholder(&self.token)).arg(self.value.as_slice()).arg(milliseconds(self.lifetime));
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Filled>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        Ok(Step::Done(if reply.int()? == 1 { Filled::Stored } else { Filled::Gone }))
    }
}

/// Gives a lease back without a fill: the placeholder goes as a lock does, if it is still the same.
#[must_use]
pub fn original_release(grant: &Grant) -> LockRelease {
    LockRelease::new(grant.key.clone(), placeholder(grant.token()))
}
