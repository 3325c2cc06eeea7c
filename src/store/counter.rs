//! Counting, atomically, on keys that exist.

use crate::codec::Codec;
use crate::error::{Error, Result, shown_key};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Step};
use crate::script::Script;
use redis::cmd;
use std::sync::Arc;

pub(super) static INCR: Script = Script::new(include_str!("incr.lua"));
pub(super) static SWAP: Script = Script::new(include_str!("swap.lua"));

/// Adds to a counter; a missing key is an error, as Django has it.
pub struct Incr {
    key: FullKey,
    delta: i64,
    by_text: bool,
}

impl Incr {
    /// Adds `delta`, which may be negative.
    #[must_use]
    pub fn new(key: FullKey, delta: i64) -> Self {
        Self { key, delta, by_text: false }
    }
}

fn number(reply: Reply) -> Result<i64> {
    let text = reply.bytes()?.unwrap_or_default();
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::Protocol("a number was expected and something else came".to_owned()))
}

fn missing(key: &[u8]) -> Error {
    Error::MissingKey(format!("there is no counter at {}; add() it first", shown_key(key)))
}

fn not_a_number(key: &[u8]) -> Error {
    Error::NotANumber(format!("the value at {} is no 64-bit integer", shown_key(key)))
}

fn overflow(key: &[u8], delta: i64) -> Error {
    Error::CounterOverflow(format!("adding {delta} to {} would leave 64 bits", shown_key(key)))
}

impl Operation for Incr {
    type Outcome = i64;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(INCR.call(&[&self.key], self.by_text).arg(self.delta));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        match Script::reply(replies, &mut self.by_text) {
            Ok(Step::Again) => Ok(Step::Again),
            Ok(Step::Done(Reply::Nil)) => Err(missing(&self.key)),
            Ok(Step::Done(reply)) => number(reply).map(Step::Done),
            // The script's errors come with its name around them, and differently in every version.
            Err(Error::Server(error)) if error.detail.contains("not an integer") || error.code == "WRONGTYPE" => {
                Err(not_a_number(&self.key))
            }
            Err(Error::Server(error)) if error.detail.contains("overflow") => Err(overflow(&self.key, self.delta)),
            Err(error) => Err(error),
        }
    }

    fn is_repeatable(&self) -> bool {
        false
    }
}

/// Adds to a counter that is signed, which the server cannot do: reads it, and replaces what was read. Whoever meets another's
/// change tries again with what he met, until the deadline.
pub struct IncrSigned {
    key: FullKey,
    delta: i64,
    codec: Arc<Codec>,
    change: Option<Change>,
    by_text: bool,
}

/// A counter as it was read, and as it is to be.
struct Change {
    from: Vec<u8>,
    to: Vec<u8>,
    sum: i64,
}

impl IncrSigned {
    /// Adds `delta`, which may be negative.
    #[must_use]
    pub fn new(key: FullKey, delta: i64, codec: Arc<Codec>) -> Self {
        Self { key, delta, codec, change: None, by_text: false }
    }

    /// Takes what stands there, and asks for the next round trip.
    fn meet(&mut self, found: Reply) -> Result<Step<i64>> {
        let from = found.bytes()?.ok_or_else(|| missing(&self.key))?;
        let number = self.codec.integer(&self.key, &from).ok_or_else(|| not_a_number(&self.key))?;
        let sum = number.checked_add(self.delta).ok_or_else(|| overflow(&self.key, self.delta))?;
        let to = self.codec.sign(&self.key, sum.to_string().into_bytes());
        self.change = Some(Change { from, to, sum });
        Ok(Step::Again)
    }
}

impl Operation for IncrSigned {
    type Outcome = i64;

    fn request(&mut self, commands: &mut dyn Commands) {
        match &self.change {
            None => commands.push(cmd("GET").arg(self.key.as_slice())),
            Some(Change { from, to, .. }) => {
                commands.push(SWAP.call(&[&self.key], self.by_text).arg(from.as_slice()).arg(to.as_slice()));
            }
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        match (Script::reply(replies, &mut self.by_text), &self.change) {
            (Ok(Step::Done(Reply::Int(_))), Some(change)) => Ok(Step::Done(change.sum)),
            (Ok(Step::Done(found)), _) => self.meet(found),
            (Ok(Step::Again), _) => Ok(Step::Again),
            (Err(Error::Server(error)), _) if error.code == "WRONGTYPE" => Err(not_a_number(&self.key)),
            (Err(error), _) => Err(error),
        }
    }

    fn is_repeatable(&self) -> bool {
        // Reading is; a second replacement would meet the first.
        self.change.is_none()
    }
}
