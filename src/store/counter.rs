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
///
/// A signed counter is more than the server can do: it is read, and what was read is replaced. Whoever meets another's change
/// tries again with what he met, until the deadline.
pub struct Incr {
    key: FullKey,
    delta: i64,
    codec: Arc<Codec>,
    turn: Turn,
    by_text: bool,
}

/// What is sent next.
enum Turn {
    /// The server adds.
    Add,
    /// What stands there is asked for.
    Read,
    /// It is replaced.
    Swap(Change),
}

/// A counter as it was read, and as it is to be.
struct Change {
    from: Vec<u8>,
    to: Vec<u8>,
    sum: i64,
}

impl Incr {
    /// Adds `delta`, which may be negative.
    #[must_use]
    pub fn new(key: FullKey, delta: i64, codec: Arc<Codec>) -> Self {
        let turn = if codec.is_signing() { Turn::Read } else { Turn::Add };
        Self { key, delta, codec, turn, by_text: false }
    }

    /// Takes what stands there, and asks for the next round trip.
    fn meet(&mut self, found: Reply) -> Result<Step<i64>> {
        let from = found.bytes()?.ok_or_else(|| missing(&self.key))?;
        let number = self.codec.integer(&self.key, &from).ok_or_else(|| not_a_number(&self.key))?;
        let sum = number.checked_add(self.delta).ok_or_else(|| overflow(&self.key, self.delta))?;
        let to = self.codec.sign(&self.key, sum.to_string().into_bytes());
        self.turn = Turn::Swap(Change { from, to, sum });
        Ok(Step::Again)
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
        match &self.turn {
            Turn::Add => commands.push(INCR.call(&[&self.key], self.by_text).arg(self.delta)),
            Turn::Read => commands.push(cmd("GET").arg(self.key.as_slice())),
            Turn::Swap(Change { from, to, .. }) => {
                commands.push(SWAP.call(&[&self.key], self.by_text).arg(from.as_slice()).arg(to.as_slice()));
            }
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        match (Script::reply(replies, &mut self.by_text), &self.turn) {
            (Ok(Step::Again), _) => Ok(Step::Again),
            (Ok(Step::Done(Reply::Nil)), _) => Err(missing(&self.key)),
            (Ok(Step::Done(reply)), Turn::Add) => number(reply).map(Step::Done),
            (Ok(Step::Done(Reply::Int(_))), Turn::Swap(change)) => Ok(Step::Done(change.sum)),
            (Ok(Step::Done(found)), _) => self.meet(found),
            (Err(Error::Server(error)), _) if error.code == "WRONGTYPE" => Err(not_a_number(&self.key)),
            // The script's errors come with its name around them, and differently in every version.
            (Err(Error::Server(error)), Turn::Add) if error.detail.contains("not an integer") => {
                // Somebody may have signed it, while signing begins or after it was given up.
                self.turn = Turn::Read;
                Ok(Step::Again)
            }
            (Err(Error::Server(error)), Turn::Add) if error.detail.contains("overflow") => {
                Err(overflow(&self.key, self.delta))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn is_repeatable(&self) -> bool {
        // A second replacement would meet the first.
        matches!(self.turn, Turn::Read)
    }
}
