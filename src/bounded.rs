//! A table bounded in bytes, and who goes when it is full.
//!
//! Who goes is decided by `quick_cache`, a modified CLOCK-Pro with a list of what it evicted lately: hot entries survive a
//! scan, which LRU's do not. What goes is handed to the caller, who may hold a lock that nothing should be dropped under.

use ahash::RandomState;
use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};
use smallvec::SmallVec;
use std::any::Any;
use std::marker::PhantomData;

/// Bytes per entry beside key and value: slot of the slab, place in the table, its share of the list of evicted ones, and
/// what these tables keep in reserve.
const ENTRY_BYTES: usize = 128;
/// What an entry takes at least.
const SMALLEST_BYTES: usize = ENTRY_BYTES + 64;
/// Places that are made at once, at most.
const MOST_RESERVED: usize = 1 << 17;
/// What the list of evicted entries is laid out for.
const TYPICAL_BYTES: usize = 512;

/// A value that knows what it takes.
pub trait Weighed {
    /// Bytes, as the allocator has them.
    fn weight(&self) -> usize;
}

/// A value in the form its reader wants, of a kind that the core does not know.
pub trait Held: Weighed + Any + Send + Sync {}

impl<T: Weighed + Any + Send + Sync> Held for T {}

/// What an allocation of so many bytes takes: its header, and its size in steps of 16.
#[must_use]
pub fn allocated(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

fn weight(key: &[u8], value: usize) -> usize {
    ENTRY_BYTES + allocated(key.len()) + value
}

struct Weigh;

impl<V: Weighed> Weighter<Box<[u8]>, V> for Weigh {
    fn weight(&self, key: &Box<[u8]>, value: &V) -> u64 {
        weight(key, value.weight()) as u64
    }
}

/// What an insertion displaced.
pub struct Displaced<V> {
    /// Entries that went because the table was full.
    pub evicted: u64,
    /// Their values, and the one that was stored over.
    pub values: SmallVec<[V; 1]>,
}

impl<V> Default for Displaced<V> {
    fn default() -> Self {
        Self { evicted: 0, values: SmallVec::new() }
    }
}

struct Collect<V>(PhantomData<V>);

impl<V> Lifecycle<Box<[u8]>, V> for Collect<V> {
    type RequestState = Displaced<V>;

    // The other hook hears of values that were stored over, too.
    fn before_evict(&self, displaced: &mut Displaced<V>, _key: &Box<[u8]>, _value: &mut V) {
        displaced.evicted += 1;
    }

    fn on_evict(&self, displaced: &mut Displaced<V>, _key: Box<[u8]>, value: V) {
        displaced.values.push(value);
    }
}

/// Entries by key, of at most so many bytes together.
pub struct Bounded<V: Weighed> {
    entries: Cache<Box<[u8]>, V, Weigh, RandomState, Collect<V>>,
    max_bytes: usize,
}

impl<V: Weighed> Bounded<V> {
    /// An empty table.
    ///
    /// # Panics
    /// Never: both numbers that the policy needs are given.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let items = (max_bytes / TYPICAL_BYTES).max(16);
        let options = OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(max_bytes as u64).build();
        let options = options.expect("both that it needs are given");
        let mut entries = Cache::with_options(options, Weigh, RandomState::new(), Collect(PhantomData));
        // Tables that grow hash every key anew, for some 40 ms in the middle of somebody's call. Untouched they cost nothing.
        entries.reserve((max_bytes / SMALLEST_BYTES).min(MOST_RESERVED));
        Self { entries, max_bytes }
    }

    /// The value at the key, which counts as used.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.entries.get(key)
    }

    /// The value at the key; that somebody looked does not count.
    #[must_use]
    pub fn peek(&self, key: &[u8]) -> Option<&V> {
        self.entries.peek(key)
    }

    /// Changes the value at the key; false when there is none.
    pub fn change(&mut self, key: &[u8], change: impl FnOnce(&mut V)) -> bool {
        let Some(mut value) = self.entries.peek_mut(key) else { return false };
        change(&mut value);
        true
    }

    /// Whether a value of this weight can be stored. What is as large as the table would be turned away without a word, and
    /// take the old value with it.
    #[must_use]
    pub fn fits(&self, key: &[u8], value: usize) -> bool {
        weight(key, value) <= self.max_bytes / 100 * 90
    }

    /// Stores a value that [fits](Self::fits) over whatever is there.
    pub fn insert(&mut self, key: Box<[u8]>, value: V) -> Displaced<V> {
        let mut displaced = Displaced::default();
        self.entries.insert_with_lifecycle(key, value, &mut displaced);
        displaced
    }

    /// Puts a value of another weight where one is, as often used as that; it must [fit](Self::fits).
    pub fn replace(&mut self, key: &[u8], value: V) -> Displaced<V> {
        let mut displaced = Displaced::default();
        // What is not there any more is not put there.
        let _ = self.entries.replace_with_lifecycle(key.into(), value, true, &mut displaced);
        displaced
    }

    /// Removes an entry and hands its value over.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// Keeps the entries of which this is true.
    pub fn retain(&mut self, keep: impl Fn(&[u8], &V) -> bool) {
        self.entries.retain(|key, value| keep(key, value));
    }

    /// Keys and values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes in use, as they are counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    /// Removes everything and hands the values over.
    pub fn drain(&mut self) -> Vec<V> {
        self.entries.drain().map(|(_, value)| value).collect()
    }
}
