//! One part of the store: entries, their lifetimes, and who goes when it is full.
//!
//! Who goes is decided by `quick_cache`, a modified CLOCK-Pro with a list of what it evicted lately: hot entries survive a
//! scan, which LRU's do not. Entries whose time is up go when they are met, and in a sweep that every so many writes pay
//! for: there is no thread.

use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};
use std::hash::RandomState;

/// Bytes per entry beside key and value: slot of the slab, place in the table, its share of the list of evicted ones, and
/// what these tables keep in reserve.
const ENTRY_BYTES: usize = 128;
/// Writes between two sweeps, at least; more when there are more entries: a sweep costs each of these a few entries.
const SWEEP_INTERVAL: usize = 1024;
/// What an entry takes at least.
const SMALLEST_BYTES: usize = ENTRY_BYTES + 64;
/// Places that are made at once, at most.
const MOST_RESERVED: usize = 1 << 17;
/// What the list of evicted entries is laid out for.
const TYPICAL_BYTES: usize = 512;

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

/// What an allocation of so many bytes takes: its header, and its size in steps of 16.
fn allocated(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

fn weight(key: &[u8], value: &[u8]) -> usize {
    ENTRY_BYTES + allocated(key.len()) + allocated(value.len())
}

struct Weigh;

impl Weighter<Box<[u8]>, Item> for Weigh {
    fn weight(&self, key: &Box<[u8]>, item: &Item) -> u64 {
        weight(key, &item.value) as u64
    }
}

/// Counts what is evicted.
struct Evictions;

impl Lifecycle<Box<[u8]>, Item> for Evictions {
    type RequestState = u64;

    // The other hooks hear of values that were stored over, too.
    fn before_evict(&self, evicted: &mut u64, _key: &Box<[u8]>, _item: &mut Item) {
        *evicted += 1;
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
    entries: Cache<Box<[u8]>, Item, Weigh, RandomState, Evictions>,
    max_bytes: usize,
    writes_to_sweep: usize,
    pub(super) counts: Counts,
}

impl Shard {
    pub(super) fn new(max_bytes: usize) -> Self {
        let items = (max_bytes / TYPICAL_BYTES).max(16);
        let options = OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(max_bytes as u64).build();
        let options = options.expect("both that it needs are given");
        let mut entries = Cache::with_options(options, Weigh, RandomState::new(), Evictions);
        // Tables that grow hash every key anew, for some 40 ms in the middle of somebody's call. Untouched they cost nothing.
        entries.reserve((max_bytes / SMALLEST_BYTES).min(MOST_RESERVED));
        Self { entries, max_bytes, writes_to_sweep: SWEEP_INTERVAL, counts: Counts::default() }
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

    /// Whether it can be stored. What is as large as a shard would be turned away without a word, and take the old value with
    /// it.
    pub(super) fn fits(&self, key: &[u8], value: &[u8]) -> bool {
        weight(key, value) <= self.max_bytes / 100 * 90
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
        let item = Item { value: value.into(), expires_at };
        let mut evicted = 0;
        self.entries.insert_with_lifecycle(key.into(), item, &mut evicted);
        self.counts.evicted += evicted;
        Ok(())
    }

    /// Changes when the time of an entry is up; false when there is none.
    pub(super) fn expire_at(&mut self, key: &[u8], expires_at: ExpiresAt, now: u64) -> bool {
        match self.entries.peek_mut(key) {
            Some(mut item) if !item.is_over(now) => {
                item.expires_at = expires_at;
                true
            }
            _ => false,
        }
    }

    /// Writes over a part of a value, which must be as long.
    pub(super) fn patch(&mut self, key: &[u8], at: usize, bytes: &[u8]) {
        if let Some(mut item) = self.entries.peek_mut(key) {
            item.value[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Removes an entry; false when there is none.
    pub(super) fn remove(&mut self, key: &[u8], now: u64) -> bool {
        self.take(key, now).is_some()
    }

    /// Removes an entry and hands it over.
    pub(super) fn take(&mut self, key: &[u8], now: u64) -> Option<Item> {
        let (_, item) = self.entries.remove(key)?;
        if item.is_over(now) {
            self.counts.expired += 1;
            return None;
        }
        Some(item)
    }

    /// Keys and entries, in no order.
    pub(super) fn iter(&self, now: u64) -> impl Iterator<Item = (&[u8], &Item)> {
        self.entries.iter().filter(move |(_, item)| !item.is_over(now)).map(|(key, item)| (&**key, item))
    }

    /// Entries, with those whose time is up and that nobody has met since.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes in use, as they are counted.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.weight()
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
