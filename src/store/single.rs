//! Operations on one key, and those on none: one round trip each.

use super::milliseconds;
use crate::config::Ttl;
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Route, Step, only};
use redis::{Cmd, cmd};

/// `GET`, with `PTTL` in front where a copy is to be kept. In this order: what changes in between makes the copy live
/// shorter than it might, and never longer.
pub struct Get {
    key: FullKey,
    with_lifetime: bool,
    peer: u64,
}

/// What stands at a key.
pub struct Got {
    /// The value.
    pub value: Option<Vec<u8>>,
    /// How long it still lives, where that was asked for and is known.
    pub left: Option<Remaining>,
    /// Which server said so.
    pub peer: u64,
}

impl Get {
    /// What stands at `key`; `with_lifetime` where a copy is to be kept.
    #[must_use]
    pub fn new(key: FullKey, with_lifetime: bool) -> Self {
        Self { key, with_lifetime, peer: Route::NOWHERE }
    }
}

impl Operation for Get {
    type Outcome = Got;

    fn routed(&mut self, route: Route) {
        self.peer = route.peer;
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        if self.with_lifetime {
            commands.push(cmd("PTTL").arg(self.key.as_slice()));
        }
        commands.push(cmd("GET").arg(self.key.as_slice()));
    }

    fn replies(&mut self, mut replies: Replies) -> Result<Step<Got>> {
        let value = replies.pop().ok_or_else(missing)?.bytes()?;
        // Whoever may not ask for it gets the value all the same.
        let left = replies.pop().and_then(|left| left.int().ok()).map(Remaining::of);
        Ok(Step::Done(Got { value, left, peer: self.peer }))
    }
}

/// When a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Only where nothing is.
    IfAbsent,
    /// Only over another value.
    IfPresent,
}

/// `SET`; with a lifetime of zero, what would have been stored is gone at once.
pub struct Set {
    /// The key.
    pub key: FullKey,
    /// What to store.
    pub value: Vec<u8>,
    /// How long it lives.
    pub ttl: Ttl,
    /// When it is stored.
    pub condition: Condition,
}

impl Set {
    /// `SET` with the options that lifetime and condition ask for.
    pub(super) fn command(key: &[u8], value: &[u8], ttl: Ttl, condition: Condition) -> Cmd {
        let mut set = Cmd::with_capacity(6, key.len() + value.len() + 32);
        set.arg("SET").arg(key).arg(value);
        if let Ttl::For(ttl) = ttl {
            set.arg("PX").arg(milliseconds(ttl));
        }
        match condition {
            Condition::Always => {}
            Condition::IfAbsent => drop(set.arg("NX")),
            Condition::IfPresent => drop(set.arg("XX")),
        }
        set
    }
}

impl Operation for Set {
    /// Whether it was stored; of a value that is gone at once, whether the condition held.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        let key = self.key.as_slice();
        commands.push(&match (self.ttl.is_zero(), self.condition) {
            (false, condition) => Self::command(key, &self.value, self.ttl, condition),
            (true, Condition::IfAbsent) => cmd("EXISTS").arg(key).take(),
            (true, _) => cmd("UNLINK").arg(key).take(),
        });
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        let reply = only(replies)?;
        Ok(Step::Done(match (self.ttl.is_zero(), self.condition) {
            (false, _) => reply.ok()? != Reply::Nil,
            (true, Condition::Always) => reply.int().map(|_| true)?,
            (true, Condition::IfAbsent) => reply.int()? == 0,
            (true, Condition::IfPresent) => reply.int()? > 0,
        }))
    }

    fn is_repeatable(&self) -> bool {
        // A second "only if absent" would meet the value that the first one stored.
        self.condition == Condition::Always
    }

    fn is_quick(&self) -> bool {
        // Copying a large value into the socket is work that neighbours need not wait for.
        const QUICK_BYTES: usize = 32 << 10;
        self.value.len() <= QUICK_BYTES
    }
}

/// `EXISTS`.
pub struct Exists {
    /// The key.
    pub key: FullKey,
}

impl Operation for Exists {
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(cmd("EXISTS").arg(self.key.as_slice()));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        Ok(Step::Done(only(replies)?.int()? > 0))
    }
}

/// A new lifetime for a key: `PEXPIRE`, `PERSIST` for ever, `UNLINK` for zero.
pub struct Touch {
    /// The key.
    pub key: FullKey,
    /// How long it lives from now.
    pub ttl: Ttl,
}

impl Operation for Touch {
    /// Whether the key was there.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        let key = self.key.as_slice();
        match self.ttl {
            Ttl::For(ttl) if ttl.is_zero() => commands.push(cmd("UNLINK").arg(key)),
            Ttl::For(ttl) => commands.push(cmd("PEXPIRE").arg(key).arg(milliseconds(ttl))),
            Ttl::Never => {
                // `PERSIST` answers 0 also for a key that never expires.
                commands.push(cmd("PERSIST").arg(key));
                commands.push(cmd("EXISTS").arg(key));
            }
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        let mut existed = false;
        for reply in replies {
            existed |= reply.int()? > 0;
        }
        Ok(Step::Done(existed))
    }
}

/// `PERSIST`.
pub struct Persist {
    /// The key.
    pub key: FullKey,
}

impl Operation for Persist {
    /// Whether it had an expiry, and now has none.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(cmd("PERSIST").arg(self.key.as_slice()));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        Ok(Step::Done(only(replies)?.int()? > 0))
    }
}

/// `PEXPIREAT`.
pub struct ExpireAt {
    /// The key.
    pub key: FullKey,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

impl Operation for ExpireAt {
    /// Whether the key was there.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(cmd("PEXPIREAT").arg(self.key.as_slice()).arg(self.at_ms));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        Ok(Step::Done(only(replies)?.int()? > 0))
    }
}

/// `PTTL`.
pub struct TimeToLive {
    /// The key.
    pub key: FullKey,
}

/// How long a key still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// There is no such key.
    Absent,
    /// It never expires.
    Never,
    /// So many milliseconds.
    Milliseconds(i64),
}

impl Remaining {
    /// What `PTTL` answered.
    pub(super) fn of(reply: i64) -> Self {
        match reply {
            -2 => Self::Absent,
            -1 => Self::Never,
            left => Self::Milliseconds(left),
        }
    }
}

impl Operation for TimeToLive {
    type Outcome = Remaining;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(cmd("PTTL").arg(self.key.as_slice()));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Remaining>> {
        only(replies)?.int().map(Remaining::of).map(Step::Done)
    }
}

/// `PING`, to see whether anybody is there.
pub struct Ping;

impl Operation for Ping {
    type Outcome = ();

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(&cmd("PING"));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<()>> {
        match only(replies)? {
            // One that refuses this user, or cannot write its snapshot (MISCONF), still serves reads.
            Reply::Error(error) if error.is_out_of_service() => Err(Error::Server(error)),
            _ => Ok(Step::Done(())),
        }
    }
}

/// Stores a value where none is, and otherwise gets the one that is there: `SET NX` and `GET` in one round trip.
pub struct AddOrGet {
    /// The key.
    pub key: FullKey,
    /// What to store.
    pub value: Vec<u8>,
    /// How long it lives, not zero.
    pub ttl: Ttl,
}

impl Operation for AddOrGet {
    /// The other value, if there was one.
    type Outcome = Option<Vec<u8>>;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(&Set::command(&self.key, &self.value, self.ttl, Condition::IfAbsent));
        commands.push(cmd("GET").arg(self.key.as_slice()));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Self::Outcome>> {
        let mut replies = replies.into_iter();
        let (Some(stored), Some(found)) = (replies.next(), replies.next()) else {
            return Err(missing());
        };
        Ok(Step::Done(if stored.ok()? == Reply::Nil { found.bytes()? } else { None }))
    }
}

/// Any command, as the caller wrote it.
pub struct Raw {
    /// The command with its arguments.
    pub command: Cmd,
}

impl Operation for Raw {
    type Outcome = Reply;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(&self.command);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Reply>> {
        only(replies)?.ok().map(Step::Done)
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    fn is_quick(&self) -> bool {
        false
    }
}

fn missing() -> Error {
    Error::Protocol("a reply is missing".to_owned())
}
