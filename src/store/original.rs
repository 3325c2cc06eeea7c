//! The lease of a value in the form of another program, which reads the same key and knows nothing of leases.
//!
//! The token stands in the value's own key, as it does in entries of our own: in a pickle of `None`, or in the white space
//! behind a `null` of JSON. Programs that take `None` for a miss compute, and whatever they do to the key (delete it, store
//! what they computed) voids the lease.

use super::entry::Found;
use super::lease::{Filled, Grant, Judge, Taken, unknown};
use super::lock::LockRelease;
use super::{milliseconds, tags};
use crate::clock;
use crate::codec::envelope::Id;
use crate::error::Result;
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Route, Step};
use crate::script::Script;
use std::time::Duration;

pub(super) static TAKE: Script = Script::new(include_str!("original_take.lua"));
pub(super) static FILL: Script = Script::new(include_str!("original_fill.lua"));

/// What a lease looks like to the other program: its `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guise {
    /// A pickle of protocol 3: bytes with our name and a token, which it drops again, then `None`.
    Pickle,
    /// `null`, then spaces and tabs: the bits of "hi" and of a token.
    Json,
}

impl Guise {
    const ALL: [Self; 2] = [Self::Pickle, Self::Json];

    /// How every placeholder begins. Nobody's encoder ends a `null` so.
    const fn beginning(self) -> &'static [u8] {
        match self {
            Self::Pickle => b"\x80\x03C\x1ehitrate:lease:",
            Self::Json => b"null \t\t \t    \t\t \t  \t",
        }
    }

    fn placeholder(self, token: &Id) -> Vec<u8> {
        match self {
            Self::Pickle => [self.beginning(), token, b"0N."].concat(),
            Self::Json => self.beginning().iter().copied().chain(token.iter().flat_map(|byte| spaces(*byte))).collect(),
        }
    }
}

/// The bits of a byte, the highest first: a space is 0, a tab 1.
fn spaces(byte: u8) -> impl Iterator<Item = u8> {
    (0..8).rev().map(move |bit| if byte >> bit & 1 == 1 { b'\t' } else { b' ' })
}

/// Whether these bytes say that somebody computes the value.
#[must_use]
pub fn is_placeholder(stored: &[u8]) -> bool {
    Guise::ALL.iter().any(|guise| stored.starts_with(guise.beginning()))
}

/// Takes the lease of a value.
pub struct OriginalTake<J> {
    key: FullKey,
    guise: Guise,
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
    pub fn new(key: FullKey, guise: Guise, lasts: Duration, judge: J) -> Self {
        Self { key, guise, lasts, refused: String::new(), token: tags::random_id(), judge, asked_at: 0, by_text: false }
    }
}

impl<J: Judge> Operation for OriginalTake<J> {
    type Outcome = Taken;

    fn request(&mut self, commands: &mut dyn Commands) {
        self.asked_at = clock::now_ms();
        let mut call = TAKE.call(&[&self.key], self.by_text);
        let (placeholder, beginning) = (self.guise.placeholder(&self.token), self.guise.beginning());
        call.arg(placeholder).arg(milliseconds(self.lasts)).arg(beginning).arg(&self.refused);
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
                if self.judge.accepts(Found {
                    stored,
                    left,
                    records: Vec::new(),
                    asked_at: self.asked_at,
                    peer: Route::NOWHERE,
                }) {
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
    placeholder: Vec<u8>,
    value: Vec<u8>,
    lifetime: Duration,
    by_text: bool,
}

impl OriginalFill {
    /// Stores `value` for `lifetime`, if the lease still holds.
    #[must_use]
    pub fn new(grant: &Grant, guise: Guise, value: Vec<u8>, lifetime: Duration) -> Self {
        let placeholder = guise.placeholder(grant.token());
        Self { key: grant.key.clone(), placeholder, value, lifetime, by_text: false }
    }
}

impl Operation for OriginalFill {
    type Outcome = Filled;

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut call = FILL.call(&[&self.key], self.by_text);
        call.arg(self.placeholder.as_slice()).arg(self.value.as_slice()).arg(milliseconds(self.lifetime));
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Filled>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        Ok(Step::Done(if reply.int()? == 1 { Filled::Stored } else { Filled::Gone }))
    }
}

/// Gives a lease back without a fill: the placeholder goes as a lock does, if it is still the same.
#[must_use]
pub fn original_release(grant: &Grant, guise: Guise) -> LockRelease {
    LockRelease::new(grant.key.clone(), guise.placeholder(grant.token()))
}
