//! Counting, atomically, on keys that exist.

use crate::error::{Error, Result, shown_key};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Step};
use crate::script::Script;

pub(super) static INCR: Script = Script::new(include_str!("incr.lua"));

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

impl Operation for Incr {
    type Outcome = i64;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(INCR.call(&[&self.key], self.by_text).arg(self.delta));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        let key = || shown_key(&self.key);
        match Script::reply(replies, &mut self.by_text) {
            Ok(Step::Again) => Ok(Step::Again),
            Ok(Step::Done(Reply::Nil)) => {
                Err(Error::MissingKey(format!("there is no counter at {}; add() it first", key())))
            }
            Ok(Step::Done(reply)) => number(reply).map(Step::Done),
            // The script's errors come with its name around them, and differently in every version.
            Err(Error::Server(error)) if error.detail.contains("not an integer") || error.code == "WRONGTYPE" => {
                Err(Error::NotANumber(format!("the value at {} is no 64-bit integer", key())))
            }
            Err(Error::Server(error)) if error.detail.contains("overflow") => {
                Err(Error::CounterOverflow(format!("adding {} to {} would leave 64 bits", self.delta, key())))
            }
            Err(error) => Err(error),
        }
    }

    fn is_repeatable(&self) -> bool {
        false
    }
}
