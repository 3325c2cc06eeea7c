//! The embedded store behind `memory://`: the commands of a server, run in this process.
//!
//! Operations do not know the difference: what they would send is run here instead, command by command, and answered by
//! the replies that a server would give. Entries live in shards, each behind a lock of its own that is never held across
//! anything that waits. There is no thread and no copy on disk; a forked child begins with an empty store.

mod commands;
mod leases;
mod locked;
mod originals;
mod scripts;
mod shard;
#[cfg(test)]
mod tests;

use crate::bounded::Held;
use crate::clock;
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Step};
use crate::process::PerProcess;
use crate::wait::{Attempt, Deadline, Waiter};
use parking_lot::Mutex;
use redis::{Arg, Cmd};
pub use shard::Seen;
use shard::{Part, Shard};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A value may be as large as a shard nearly, so shards are not to be small.
const SHARD_BYTES: usize = 16 << 20;
const MAX_SHARDS: usize = 16;

/// The arguments of one command, its name first.
type Args<'a> = SmallVec<[&'a [u8]; 8]>;

/// An embedded store.
pub struct Memory {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    max_bytes: usize,
}

/// What a store holds, and what became of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Entries, with those whose time is up and that nobody has met since.
    pub entries: usize,
    /// Bytes in use: keys, values and what keeping them takes.
    pub bytes: u64,
    /// The bound.
    pub max_bytes: usize,
    /// `GET`s that found something.
    pub hits: u64,
    /// `GET`s that found nothing.
    pub misses: u64,
    /// Entries that went because the store was full.
    pub evicted: u64,
    /// Entries that went because their time was up.
    pub expired: u64,
}

impl Memory {
    /// An empty store that holds at most so many bytes.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let count = (max_bytes / SHARD_BYTES).clamp(1, MAX_SHARDS);
        let shards = (0..count).map(|_| Mutex::new(Shard::new(max_bytes / count))).collect();
        Self { shards, hasher: RandomState::new(), max_bytes }
    }

    /// The store of this name and number in this process; made when it is first asked for, and kept until the process ends.
    #[must_use]
    pub fn named(name: &str, db: u32, max_bytes: usize) -> Arc<Self> {
        type Stores = Mutex<HashMap<(String, u32), Arc<Memory>>>;
        static STORES: OnceLock<PerProcess<Stores>> = OnceLock::new();
        let mut stores = STORES.get_or_init(|| PerProcess::new(Stores::default)).get().lock();
        Arc::clone(stores.entry((name.to_owned(), db)).or_insert_with(|| Arc::new(Self::new(max_bytes))))
    }

    /// Makes sure that the store of this name and number has this bound.
    ///
    /// # Errors
    /// It was there already, with another one.
    pub fn prepare(name: &str, db: u32, max_bytes: usize) -> Result<()> {
        let store = Self::named(name, db, max_bytes);
        if store.max_bytes == max_bytes {
            return Ok(());
        }
        Err(Error::Config(format!(
            "'memory://{name}/{db}' is in use with max_bytes={}, and this cache asks for {max_bytes}; give both the same, \
             or this one another name, as in 'memory://name'",
            store.max_bytes
        )))
    }

    /// Runs an operation to its outcome. One that may take long runs as the waiter has threads wait: without the GIL.
    ///
    /// # Errors
    /// What the operation makes of its replies, or what ended the wait.
    pub fn run<O: Operation + Send>(&self, operation: &mut O, waiter: &dyn Waiter) -> Result<O::Outcome> {
        loop {
            let mut session = self.session();
            if operation.is_quick() {
                operation.request(&mut session);
            } else {
                let run = &mut || {
                    operation.request(&mut session);
                    Ok(Attempt::Done)
                };
                waiter.until(Deadline::after(Duration::ZERO), false, run)?;
            }
            if let Step::Done(outcome) = operation.replies(session.replies)? {
                return Ok(outcome);
            }
        }
    }

    /// Where commands are run and their replies collected, for drivers that run operations step by step.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session { memory: self, replies: Replies::new() }
    }

    /// Removes some entries.
    pub fn forget(&self, keys: &[FullKey]) {
        let now = clock::now_ms();
        for key in keys {
            self.shard(key).remove(key, now);
        }
    }

    /// What it holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage { max_bytes: self.max_bytes, ..Usage::default() };
        for shard in &self.shards {
            let shard = shard.lock();
            usage.entries += shard.len();
            usage.bytes += shard.bytes();
            usage.hits += shard.counts.hits;
            usage.misses += shard.counts.misses;
            usage.evicted += shard.counts.evicted;
            usage.expired += shard.counts.expired;
        }
        usage
    }

    /// How many entries have a lifetime; looks at all of them.
    fn expiring(&self, now: u64) -> usize {
        let has_lifetime =
            |shard: &Mutex<Shard>| shard.lock().iter(now).filter(|(_, item)| item.expires_at().is_some()).count();
        self.shards.iter().map(has_lifetime).sum()
    }

    fn index(&self, key: &[u8]) -> usize {
        // The high half: the low bits choose the place in the shard's table, and with them used up tables would be uneven.
        (self.hasher.hash_one(key) >> 32) as usize % self.shards.len()
    }

    fn shard(&self, key: &[u8]) -> Part<'_> {
        Part::lock(&self.shards[self.index(key)])
    }

    /// The value at a key, as `GET`, in the form that this reader made of it if he did.
    #[must_use]
    pub fn see(&self, key: &[u8], reader: u64) -> Option<Seen> {
        self.shard(key).see(key, reader, clock::now_ms())
    }

    /// Keeps the form that a reader made of what [`see`](Self::see) gave with this number; `None`: that there is none.
    pub fn keep_form(&self, key: &[u8], reader: u64, moment: u64, form: Option<Arc<dyn Held>>) {
        self.shard(key).keep_form(key, reader, moment, form);
    }
}

/// Runs commands as they are given, and collects their replies.
pub struct Session<'a> {
    memory: &'a Memory,
    replies: Replies,
}

impl Session<'_> {
    /// The replies, in the order of the commands.
    #[must_use]
    pub fn replies(self) -> Replies {
        self.replies
    }
}

impl Commands for Session<'_> {
    fn push(&mut self, command: &Cmd) {
        let args: Args<'_> = command
            .args_iter()
            .map(|arg| match arg {
                Arg::Simple(bytes) => bytes,
                // The cursor of redis-rs's own iterators, which nothing here uses.
                _ => b"0",
            })
            .collect();
        self.replies.push(self.memory.execute(&args));
    }
}
