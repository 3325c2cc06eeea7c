//! One part of the store: entries and their lifetimes.
//!
//! Entries whose time is up go when they are met, and in a sweep that every so many writes pay for: there is no thread.

use crate::bounded::{Bounded, Displaced, Held, Weighed, allocated};
use parking_lot::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Writes between two sweeps, at least; more when there are more entries: a sweep costs each of these a few entries.
const SWEEP_INTERVAL: usize = 1024;

/// Forms of the largest size that a shard has room for.
const FORMS_PER_SHARD: usize = 32;

/// When an entry's time is up, in milliseconds of [`clock::now_ms`](crate::clock::now_ms).
pub(super) type ExpiresAt = Option<u64>;

/// What is stored at a key.
pub(super) struct Item {
    value: Box<[u8]>,
    expires_at: ExpiresAt,
    form: Form,
}

/// The form that a reader made of a value, to read it without parsing next time.
enum Form {
    /// Nobody tried since this moment of the shard.
    Unknown(u64),
    /// It has none.
    None,
    /// This one, for this reader: another may be set to read less, or otherwise.
    Held(u64, Arc<dyn Held>),
}

/// A value, for a reader who may make a form of it.
pub enum Seen {
    /// The form that was made of it.
    Form(Arc<dyn Held>),
    /// The value; with a number if a form of it would be kept.
    Bytes(Vec<u8>, Option<u64>),
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
        let form = if let Form::Held(_, form) = &self.form { form.weight() } else { 0 };
        allocated(self.value.len()) + form
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
    /// A form is a second copy, and makes others go that are used less: not for something large, that is read fast as it is.
    max_form_bytes: usize,
    /// Counts what is stored, so that a form is not kept with another value than it was made of.
    moment: u64,
    /// Forms that are to be dropped without the lock: Python objects.
    gone: Vec<Arc<dyn Held>>,
    pub(super) counts: Counts,
}

/// A shard under its lock.
pub(super) struct Part<'a> {
    shard: MutexGuard<'a, Shard>,
    /// Dropped after the lock.
    gone: Vec<Arc<dyn Held>>,
}

impl<'a> Part<'a> {
    pub(super) fn lock(shard: &'a Mutex<Shard>) -> Self {
        Self { shard: shard.lock(), gone: Vec::new() }
    }

    /// Hands over what is to be dropped without any lock.
    pub(super) fn take_gone(&mut self) -> Vec<Arc<dyn Held>> {
        std::mem::take(&mut self.shard.gone)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.gone = self.take_gone();
    }
}

impl Deref for Part<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Part<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Shard {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: Bounded::new(max_bytes),
            writes_to_sweep: SWEEP_INTERVAL,
            max_form_bytes: max_bytes / FORMS_PER_SHARD,
            moment: 0,
            gone: Vec::new(),
            counts: Counts::default(),
        }
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

    /// The value at the key in the form that was made of it, or as it is; counts as [`get`](Self::get).
    pub(super) fn see(&mut self, key: &[u8], reader: u64, now: u64) -> Option<Seen> {
        if let Some(Item { form: Form::Held(maker, form), .. }) =
            self.entries.get(key).filter(|item| !item.is_over(now))
            && *maker == reader
        {
            self.counts.hits += 1;
            return Some(Seen::Form(Arc::clone(form)));
        }
        let bytes = self.get(key, now)?;
        let moment = self.entries.peek(key).and_then(|item| match item.form {
            Form::Unknown(moment) => Some(moment),
            _ => None,
        });
        Some(Seen::Bytes(bytes, moment))
    }

    /// Keeps the form that was made of what [`see`](Self::see) gave with this number, if that still stands there.
    pub(super) fn keep_form(&mut self, key: &[u8], reader: u64, moment: u64, form: Option<Arc<dyn Held>>) {
        let Some(item) = self.entries.peek(key) else { return };
        let weight = form.as_ref().map_or(0, |form| form.weight());
        let has_room = weight <= self.max_form_bytes && self.entries.fits(key, item.weight() + weight);
        if !matches!(item.form, Form::Unknown(at) if at == moment) || !has_room {
            self.gone.extend(form);
            return;
        }
        let Some(form) = form else {
            self.entries.change(key, |item| item.form = Form::None);
            return;
        };
        let expires_at = item.expires_at;
        let mut value = Box::default();
        self.entries.change(key, |item| std::mem::swap(&mut value, &mut item.value));
        let displaced = self.entries.replace(key, Item { value, expires_at, form: Form::Held(reader, form) });
        self.displaced(displaced);
    }

    /// What is at the key, which counts as used.
    pub(super) fn meet(&mut self, key: &[u8], now: u64) -> Option<&Item> {
        if self.entries.get(key)?.is_over(now) {
            self.expire(key);
            return None;
        }
        self.entries.peek(key)
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
        self.moment += 1;
        let item = Item { value: value.into(), expires_at, form: Form::Unknown(self.moment) };
        let displaced = self.entries.insert(key.into(), item);
        self.displaced(displaced);
        Ok(())
    }

    fn displaced(&mut self, displaced: Displaced<Item>) {
        self.counts.evicted += displaced.evicted;
        displaced.values.into_iter().for_each(|item| self.let_go(item.form));
    }

    fn let_go(&mut self, form: Form) {
        if let Form::Held(_, form) = form {
            self.gone.push(form);
        }
    }

    /// Changes when the time of an entry is up; false when there is none.
    pub(super) fn expire_at(&mut self, key: &[u8], expires_at: ExpiresAt, now: u64) -> bool {
        let is_there = self.entries.peek(key).is_some_and(|item| !item.is_over(now));
        is_there && self.entries.change(key, |item| item.expires_at = expires_at)
    }

    /// Writes over a value that is as long, without a copy of its key; false when there is none.
    pub(super) fn rewrite(&mut self, key: &[u8], value: &[u8], expires_at: ExpiresAt, now: u64) -> bool {
        let fits = |item: &Item| item.value.len() == value.len() && !item.is_over(now);
        let is_there = self.entries.peek(key).is_some_and(fits);
        if is_there {
            self.patch(key, 0, value);
            self.entries.change(key, |item| item.expires_at = expires_at);
        }
        is_there
    }

    /// Writes over a part of a value, which must be as long.
    pub(super) fn patch(&mut self, key: &[u8], at: usize, bytes: &[u8]) {
        self.moment += 1;
        let mut form = Form::Unknown(self.moment);
        self.entries.change(key, |item| {
            item.value[at..at + bytes.len()].copy_from_slice(bytes);
            std::mem::swap(&mut form, &mut item.form);
        });
        self.let_go(form);
    }

    /// Removes an entry; false when there is none.
    pub(super) fn remove(&mut self, key: &[u8], now: u64) -> bool {
        self.take(key, now).is_some()
    }

    /// Removes an entry and hands it over, without its form.
    pub(super) fn take(&mut self, key: &[u8], now: u64) -> Option<Item> {
        let mut item = self.entries.remove(key)?;
        self.let_go(std::mem::replace(&mut item.form, Form::None));
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
        self.entries.drain().into_iter().for_each(|item| self.let_go(item.form));
    }

    fn expire(&mut self, key: &[u8]) {
        if let Some(item) = self.entries.remove(key) {
            self.let_go(item.form);
        }
        self.counts.expired += 1;
    }

    fn sweep(&mut self, now: u64) {
        let before = self.entries.len();
        let over = self.entries.iter().filter(|(_, item)| item.is_over(now) && matches!(item.form, Form::Held(..)));
        for key in over.map(|(key, _)| Box::from(key)).collect::<Vec<Box<[u8]>>>() {
            if let Some(item) = self.entries.remove(&key) {
                self.let_go(item.form);
            }
        }
        self.entries.retain(|_, item| !item.is_over(now));
        self.counts.expired += (before - self.entries.len()) as u64;
        self.writes_to_sweep = self.entries.len().max(SWEEP_INTERVAL);
    }
}
