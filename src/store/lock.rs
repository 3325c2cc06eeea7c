//! Giving back and extending a lock, only by whoever holds it.
//!
//! Taking it is [`Set`](super::Set) of a random token where nothing is (<https://redis.io/docs/latest/commands/set/>,
//! "Patterns"), which redis-py and django-redis do too: their locks and ours exclude each other.

use super::milliseconds;
use crate::error::Result;
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Step};
use crate::script::Script;
use std::time::Duration;

pub(super) static RELEASE: Script = Script::new(include_str!("lock_release.lua"));
pub(super) static EXTEND: Script = Script::new(include_str!("lock_extend.lua"));

/// Gives the lock back.
pub struct LockRelease {
    key: FullKey,
    token: Vec<u8>,
    by_text: bool,
}

impl LockRelease {
    /// The lock at `key`, if it holds `token`.
    #[must_use]
    pub fn new(key: FullKey, token: Vec<u8>) -> Self {
        Self { key, token, by_text: false }
    }
}

impl Operation for LockRelease {
    /// Whether it was ours.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(RELEASE.call(&[&self.key], self.by_text).arg(self.token.as_slice()));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        held(replies, &mut self.by_text)
    }

    fn is_repeatable(&self) -> bool {
        // The second time it would look as if somebody else had taken it.
        false
    }
}

/// Lets the lock live longer.
pub struct LockExtend {
    key: FullKey,
    token: Vec<u8>,
    ttl: Duration,
    by_text: bool,
}

impl LockExtend {
    /// The lock at `key`, if it holds `token`, for `ttl` from now.
    #[must_use]
    pub fn new(key: FullKey, token: Vec<u8>, ttl: Duration) -> Self {
        Self { key, token, ttl, by_text: false }
    }
}

impl Operation for LockExtend {
    /// Whether it was ours.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut call = EXTEND.call(&[&self.key], self.by_text);
        commands.push(call.arg(self.token.as_slice()).arg(milliseconds(self.ttl)));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        held(replies, &mut self.by_text)
    }
}

fn held(replies: Replies, by_text: &mut bool) -> Result<Step<bool>> {
    match Script::reply(replies, by_text)? {
        Step::Again => Ok(Step::Again),
        Step::Done(reply) => Ok(Step::Done(reply.int()? > 0)),
    }
}
