//! One part of the store: entries and their lifetimes.
//!
//! Entries whose time is up go when they are met, and in a sweep that every so many writes pay for: there is no thread.

use crate::bounded::{Bounded, Weighed, allocated};

/// Writes between two sweeps, at least; more when there are more entries: a sweep costs each of these a few entries.
const SWEEP_INTERVAL: usize = 1024;

/// When an entry's time is up, in milliseconds of [`clock::now_ms`](crate::clock::now_ms).
pub(super) type ExpiresAt = Option<u64>;

/// What is stored at a key.
pub(super) struct Item {
    value: Box<[u8]>,
    expires_at: ExpiresAt,
}

impl Item {
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    pub(super) fn expires_at(&self) -> ExpiresAt {
        self.expires_at
    }

    fn is_over(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }
}

impl Weighed for Item {
    fn weight(&self) -> usize {
        allocated(self.value.len())
    }
}

/// The value is larger than a shard.
pub(super) struct TooLarge;

/// Counts since the store was made.
#[derive(Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) evicted: u64,
    pub(super) expired: u64,
}

pub(super) struct Shard {
    entries: Bounded<Item>,
    writes_to_sweep: usize,
    pub(super) counts: Counts,
}

impl Shard {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { entries: Bounded::new(max_bytes), writes_to_sweep: SWEEP_INTERVAL, counts: Counts::default() }
    }

    /// The value at the key, which counts as used.
    pub(super) fn get(&mut self, key: &[u8], now: u64) -> Option<Vec<u8>> {
        let found = match self.entries.get(key) {
            Some(item) if !item.is_over(now) => {
                self.counts.hits += 1;
                return Some(item.value.to_vec());
            }
            found => found.is_some(),
        };
        self.counts.misses += 1;
        if found {
            self.expire(key);
        }
        None
    }

    /// What is at the key; that somebody looked does not count.
    pub(super) fn peek(&mut self, key: &[u8], now: u64) -> Option<&Item> {
        if self.entries.peek(key)?.is_over(now) {
            self.expire(key);
            return None;
        }
        self.entries.peek(key)
    }

    /// Whether it can be stored.
    pub(super) fn fits(&self, key: &[u8], value: &[u8]) -> bool {
        self.entries.fits(key, allocated(value.len()))
    }

    /// Stores a value over whatever is there.
    pub(super) fn set(&mut self, key: &[u8], value: &[u8], expires_at: ExpiresAt, now: u64) -> Result<(), TooLarge> {
        if self.writes_to_sweep == 0 {
            self.sweep(now);
        }
        self.writes_to_sweep -= 1;
        if !self.fits(key, value) {
            return Err(TooLarge);
        }
        self.counts.evicted += self.entries.insert(key.into(), Item { value: value.into(), expires_at }).evicted;
        Ok(())
    }

    /// Changes when the time of an entry is up; false when there is none.
    pub(super) fn expire_at(&mut self, key: &[u8], expires_at: ExpiresAt, now: u64) -> bool {
        let is_there = self.entries.peek(key).is_some_and(|item| !item.is_over(now));
        is_there && self.entries.change(key, |item| item.expires_at = expires_at)
    }

    /// Writes over a part of a value, which must be as long.
    pub(super) fn patch(&mut self, key: &[u8], at: usize, bytes: &[u8]) {
        self.entries.change(key, |item| item.value[at..at + bytes.len()].copy_from_slice(bytes));
    }

    /// Removes an entry; false when there is none.
    pub(super) fn remove(&mut self, key: &[u8], now: u64) -> bool {
        self.take(key, now).is_some()
    }

    /// Removes an entry and hands it over.
    pub(super) fn take(&mut self, key: &[u8], now: u64) -> Option<Item> {
        let item = self.entries.remove(key)?;
        if item.is_over(now) {
            self.counts.expired += 1;
            return None;
        }
        Some(item)
    }

    /// Keys and entries, in no order.
    pub(super) fn iter(&self, now: u64) -> impl Iterator<Item = (&[u8], &Item)> {
        self.entries.iter().filter(move |(_, item)| !item.is_over(now))
    }

    /// Entries, with those whose time is up and that nobody has met since.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes in use, as they are counted.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.bytes()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    fn expire(&mut self, key: &[u8]) {
        self.entries.remove(key);
        self.counts.expired += 1;
    }

    fn sweep(&mut self, now: u64) {
        let before = self.entries.len();
        self.entries.retain(|_, item| !item.is_over(now));
        self.counts.expired += (before - self.entries.len()) as u64;
        self.writes_to_sweep = self.entries.len().max(SWEEP_INTERVAL);
    }
}
