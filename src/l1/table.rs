//! The copies, in shards, and the versions that void what was read too early.
//!
//! Whoever reads from the server takes a ticket first. A write moves the version of its key on, and the copy is kept only if
//! the version still is that of the ticket: checked under the lock under which the version moves.

use super::feed::{Epoch, Feed};
use crate::bounded::{Bounded, Held, Weighed, allocated};
use crate::keys::glob;
use ahash::RandomState;
use parking_lot::Mutex;
use std::sync::Arc;

/// A copy may be as large as a shard nearly, so shards are not to be small.
const SHARD_BYTES: usize = 16 << 20;
const MAX_SHARDS: usize = 16;
/// Versions per shard: two keys that share one void each other's copies, which costs a round trip and no more.
const VERSIONS: usize = 1024;

/// What left the table.
#[derive(Default)]
pub struct Outgoing(Vec<Arc<dyn Held>>);

impl Outgoing {
    /// Whether nothing did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// What is beyond the first so many, if there is more.
    pub(super) fn split_off(&mut self, at: usize) -> Option<Self> {
        (self.0.len() > at).then(|| Self(self.0.split_off(at)))
    }

    fn add(&mut self, copy: Option<Copy>) {
        self.0.extend(copy.and_then(|copy| copy.value));
    }
}

/// The right to keep a copy of what is about to be read.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    hash: u64,
    /// Of its shard and of its key.
    version: (u64, u32),
    epoch: Epoch,
    asked_at: u64,
}

/// What is known of a key.
pub enum Look {
    /// This value.
    Held(Arc<dyn Held>),
    /// That there is none.
    Absent,
    /// Nothing that may be served: ask the server.
    Ask(Ticket),
}

/// What became of a fill.
pub(super) struct Kept {
    pub(super) outgoing: Outgoing,
    pub(super) evicted: u64,
    pub(super) was_voided: bool,
}

struct Copy {
    value: Option<Arc<dyn Held>>,
    weight: usize,
    asked_at: u64,
    expires_at: Option<u64>,
    /// Of the feed that may cover it.
    epoch: Option<Epoch>,
}

impl Weighed for Copy {
    fn weight(&self) -> usize {
        self.weight
    }
}

impl Copy {
    #[inline]
    fn may_be_served(&self, now: u64, max_staleness: u64, feed: &Feed) -> bool {
        // Both times are cut to milliseconds: what is less than the bound here is less by the clock, too.
        let is_young = now.saturating_sub(self.asked_at) < max_staleness;
        (is_young || self.epoch.is_some_and(|epoch| feed.covers(epoch, now)))
            && self.expires_at.is_none_or(|at| now < at)
    }
}

struct Shard {
    copies: Bounded<Copy>,
    generation: u64,
    versions: Box<[u32]>,
}

impl Shard {
    fn version(&self, hash: u64) -> (u64, u32) {
        (self.generation, self.versions[place(hash)])
    }

    fn move_on(&mut self, hash: u64) {
        let version = &mut self.versions[place(hash)];
        *version = version.wrapping_add(1);
    }
}

fn place(hash: u64) -> usize {
    // Another part of the hash than the one that chose the shard.
    (hash >> 16) as usize % VERSIONS
}

/// The table of one local cache.
pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

impl Table {
    pub(super) fn new(max_bytes: usize) -> Self {
        let count = (max_bytes / SHARD_BYTES).clamp(1, MAX_SHARDS);
        let shard = || Shard {
            copies: Bounded::new(max_bytes / count),
            generation: 0,
            versions: vec![0; VERSIONS].into_boxed_slice(),
        };
        Self { shards: (0..count).map(|_| Mutex::new(shard())).collect(), hasher: RandomState::new() }
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[(hash >> 48) as usize % self.shards.len()]
    }

    /// Only the reference is taken under the lock: whoever builds Python objects may have to wait for the GIL.
    #[inline]
    pub(super) fn look(&self, key: &[u8], now: u64, max_staleness: u64, feed: &Feed) -> Look {
        let hash = self.hasher.hash_one(key);
        // Before the version: a copy must not be counted as covered by a feed that began after it was read.
        let epoch = feed.epoch();
        let shard = self.shard(hash).lock();
        match shard.copies.get(key) {
            Some(copy) if copy.may_be_served(now, max_staleness, feed) => {
                copy.value.as_ref().map_or(Look::Absent, |value| Look::Held(Arc::clone(value)))
            }
            _ => Look::Ask(Ticket { hash, version: shard.version(hash), epoch, asked_at: now }),
        }
    }

    pub(super) fn ask(&self, key: &[u8], now: u64, feed: &Feed) -> Ticket {
        let hash = self.hasher.hash_one(key);
        let epoch = feed.epoch();
        Ticket { hash, version: self.shard(hash).lock().version(hash), epoch, asked_at: now }
    }

    pub(super) fn fill(
        &self,
        ticket: &Ticket,
        key: &[u8],
        value: Option<Arc<dyn Held>>,
        left: Option<u64>,
        may_be_covered: bool,
    ) -> Kept {
        let mut kept = Kept { outgoing: Outgoing::default(), evicted: 0, was_voided: false };
        let weight = value.as_ref().map_or(0, |value| allocated(size_of::<Copy>()) + value.weight());
        let copy = Copy {
            value,
            weight,
            asked_at: ticket.asked_at,
            expires_at: left.map(|left| ticket.asked_at.saturating_add(left)),
            epoch: may_be_covered.then_some(ticket.epoch),
        };
        let mut shard = self.shard(ticket.hash).lock();
        kept.was_voided = shard.version(ticket.hash) != ticket.version;
        if kept.was_voided {
            kept.outgoing.add(Some(copy));
        } else if shard.copies.fits(key, weight) {
            let displaced = shard.copies.insert(key.into(), copy);
            kept.evicted = displaced.evicted;
            displaced.values.into_iter().for_each(|copy| kept.outgoing.add(Some(copy)));
        } else {
            // What stood there is older than this.
            kept.outgoing.add(shard.copies.remove(key));
            kept.outgoing.add(Some(copy));
        }
        kept
    }

    pub(super) fn remove(&self, key: &[u8]) -> Outgoing {
        let mut outgoing = Outgoing::default();
        outgoing.add(self.shard(self.hasher.hash_one(key)).lock().copies.remove(key));
        outgoing
    }

    pub(super) fn forget(&self, key: &[u8]) -> Outgoing {
        let hash = self.hasher.hash_one(key);
        let mut outgoing = Outgoing::default();
        let mut shard = self.shard(hash).lock();
        shard.move_on(hash);
        outgoing.add(shard.copies.remove(key));
        outgoing
    }

    pub(super) fn forget_matching(&self, globs: Vec<Vec<u8>>) -> Outgoing {
        let globs = glob::Set::new(globs);
        let mut outgoing = Outgoing::default();
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.generation += 1;
            let matching: Vec<Box<[u8]>> =
                shard.copies.iter().filter(|(key, _)| globs.matches(key)).map(|(key, _)| key.into()).collect();
            for key in matching {
                outgoing.add(shard.copies.remove(&key));
            }
        }
        outgoing
    }

    pub(super) fn forget_all(&self) -> Outgoing {
        let mut outgoing = Outgoing::default();
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.generation += 1;
            shard.copies.drain().into_iter().for_each(|copy| outgoing.add(Some(copy)));
        }
        outgoing
    }

    pub(super) fn size(&self) -> (usize, u64) {
        self.shards.iter().fold((0, 0), |(entries, bytes), shard| {
            let shard = shard.lock();
            (entries + shard.copies.len(), bytes + shard.copies.bytes())
        })
    }
}
