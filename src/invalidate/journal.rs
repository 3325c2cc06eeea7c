//! What is to be deleted once the server is back. Pure.
//!
//! It is bounded: when more keys are waiting than it may hold, it remembers "everything of this cache" instead. That costs
//! a cold cache and no stale answer, and spares the keys that must never be lost (sessions).

use crate::keys::FullKey;
use crate::keys::glob::Pattern;
use std::collections::{BTreeSet, HashSet};

/// Every read is compared with each of them while they wait, at some 50 ns; more are not worth remembering apart.
const MAX_PATTERNS: usize = 128;

/// Keys that are replayed at once.
const KEYS_PER_PIECE: usize = 500;

/// Something to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// These keys.
    Keys(Vec<FullKey>),
    /// What depends on these records of tags: they get new versions.
    Records(Vec<FullKey>),
    /// That something was forgotten by key or pattern: these records say when.
    Notes(Vec<FullKey>),
    /// Every key that one of these takes.
    Patterns(Vec<Pattern>),
    /// Every key of this cache.
    Everything {
        /// But the critical ones: what an overflow leaves.
        spares_critical: bool,
    },
    /// A lock that nobody knows to be his. In a box, for it is rare and would make every call larger.
    Lock(Box<Abandoned>),
}

/// A lock to be given back, if it holds this token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Abandoned {
    /// Of the lock.
    pub key: FullKey,
    /// Which nobody uses any more.
    pub token: Vec<u8>,
}

/// Whether everything is to go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Everything {
    #[default]
    No,
    /// All but the critical keys.
    Sparing,
    /// With them.
    All,
}

impl Everything {
    fn of(spares_critical: bool) -> Self {
        if spares_critical { Self::Sparing } else { Self::All }
    }

    fn takes(self, is_critical: impl FnOnce() -> bool) -> bool {
        match self {
            Self::No => false,
            Self::Sparing => !is_critical(),
            Self::All => true,
        }
    }
}

/// Deletions waiting for the server.
#[derive(Debug)]
pub struct Journal {
    keys: HashSet<FullKey>,
    records: HashSet<FullKey>,
    notes: HashSet<FullKey>,
    patterns: BTreeSet<Pattern>,
    everything: Everything,
    locks: BTreeSet<Box<Abandoned>>,
    /// What is being replayed now; it stays until the server has answered.
    under_way: Option<Forget>,
    max_keys: usize,
}

impl Forget {
    fn names(&self, key: &[u8], is_critical: impl Fn() -> bool) -> bool {
        match self {
            Self::Keys(keys) | Self::Records(keys) | Self::Notes(keys) => keys.iter().any(|one| one.as_slice() == key),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.takes(key, &is_critical)),
            // Asked for apart, for a key may be spared here that no pattern spares.
            // Of a lock: whoever else holds it keeps it.
            Self::Everything { .. } | Self::Lock(_) => false,
        }
    }
}

impl Journal {
    /// Remembers up to `max_keys` keys one by one.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self {
            keys: HashSet::new(),
            records: HashSet::new(),
            notes: HashSet::new(),
            patterns: BTreeSet::new(),
            everything: Everything::No,
            locks: BTreeSet::new(),
            under_way: None,
            max_keys,
        }
    }

    /// Remembers a deletion. Returns whether the journal holds more now than it may: then [`overflow`](Self::overflow) it.
    #[must_use]
    pub fn push(&mut self, forget: Forget) -> bool {
        match forget {
            // Also once everything is to go: what that spares, sessions for example, may have been deleted by name.
            Forget::Keys(keys) => self.keys.extend(keys),
            Forget::Records(records) => self.records.extend(records),
            Forget::Notes(notes) => self.notes.extend(notes),
            Forget::Patterns(patterns) => self.patterns.extend(patterns),
            Forget::Everything { spares_critical } => self.all(spares_critical),
            // Nothing could stand for those that find no room.
            Forget::Lock(lock) if self.locks.len() < self.max_keys => drop(self.locks.insert(lock)),
            Forget::Lock(_) => {}
        }
        let named = self.keys.len() + self.records.len();
        self.patterns.len() > MAX_PATTERNS || named > self.max_keys || self.notes.len() > self.max_keys
    }

    /// Remembers "everything but the critical keys" instead of all details, and of critical keys and records as many as it may
    /// hold. Notes stay, for everything is deleted bit by bit: a loader of an older state would not know of it in between.
    pub fn overflow(&mut self, is_critical: impl Fn(&[u8]) -> bool) {
        self.all(true);
        self.patterns.clear();
        let max_keys = self.max_keys;
        self.notes = self.notes.drain().take(max_keys).collect();
        // Other records are deleted with everything: what depends on them is a miss then.
        self.records = self.records.drain().filter(|key| is_critical(key)).take(max_keys).collect();
        let room = max_keys - self.records.len();
        self.keys = self.keys.drain().filter(|key| is_critical(key)).take(room).collect();
    }

    /// Everything is to go; what was said before may have spared less.
    fn all(&mut self, spares_critical: bool) {
        self.everything = self.everything.max(Everything::of(spares_critical));
    }

    /// A new value was stored: the deletion of the old one is settled. One that is under way cannot be taken back, but is not
    /// begun again.
    pub fn forgive(&mut self, key: &[u8]) {
        self.keys.remove(key);
        if let Some(Forget::Keys(under_way)) = &mut self.under_way {
            under_way.retain(|one| one.as_slice() != key);
        }
    }

    /// Nothing is waiting, and nothing under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many deletions are waiting or under way.
    #[must_use]
    pub fn len(&self) -> usize {
        let under_way = match &self.under_way {
            None => 0,
            Some(Forget::Keys(keys) | Forget::Records(keys) | Forget::Notes(keys)) => keys.len(),
            Some(Forget::Patterns(patterns)) => patterns.len(),
            Some(Forget::Everything { .. } | Forget::Lock(_)) => 1,
        };
        let everything = usize::from(self.everything != Everything::No);
        let named = self.keys.len() + self.records.len() + self.notes.len() + self.patterns.len() + self.locks.len();
        named + everything + under_way
    }

    /// Whether a key is to be deleted by name or pattern, so that what the server still holds must not be read.
    #[must_use]
    pub fn names(&self, key: &[u8], is_critical: impl Fn() -> bool) -> bool {
        self.keys.contains(key)
            || self.records.contains(key)
            || self.notes.contains(key)
            || self.patterns.iter().any(|pattern| pattern.takes(key, &is_critical))
            || self.under_way.as_ref().is_some_and(|forget| forget.names(key, &is_critical))
    }

    /// Whether a key is to be deleted with everything of this cache.
    #[must_use]
    pub fn is_everything(&self, is_critical: impl Fn() -> bool) -> bool {
        let under_way = match self.under_way {
            Some(Forget::Everything { spares_critical }) => Everything::of(spares_critical),
            _ => Everything::No,
        };
        self.everything.max(under_way).takes(is_critical)
    }

    /// Whether records or notes wait. What is deleted meanwhile must be deleted again behind them: a loader of another process that
    /// proves by them that nothing was forgotten may have stored something in between.
    #[must_use]
    pub fn has_records(&self) -> bool {
        let are_under_way = matches!(self.under_way, Some(Forget::Records(_) | Forget::Notes(_)));
        are_under_way || !self.records.is_empty() || !self.notes.is_empty()
    }

    /// Begins the next piece of work: a lock, some notes or records, some keys, then all patterns in one walk, then everything.
    pub fn begin(&mut self) -> Option<Forget> {
        self.under_way = self.next();
        self.under_way.clone()
    }

    fn next(&mut self) -> Option<Forget> {
        if let Some(lock) = self.locks.pop_first() {
            return Some(Forget::Lock(lock));
        }
        if !self.notes.is_empty() {
            return Some(Forget::Notes(some_of(&mut self.notes)));
        }
        if !self.records.is_empty() {
            return Some(Forget::Records(some_of(&mut self.records)));
        }
        if !self.keys.is_empty() {
            return Some(Forget::Keys(some_of(&mut self.keys)));
        }
        if !self.patterns.is_empty() {
            return Some(Forget::Patterns(std::mem::take(&mut self.patterns).into_iter().collect()));
        }
        let spares_critical = match std::mem::take(&mut self.everything) {
            Everything::No => return None,
            Everything::Sparing => true,
            Everything::All => false,
        };
        Some(Forget::Everything { spares_critical })
    }

    /// The piece of work that was begun is done, or can never be done.
    pub fn finish(&mut self) {
        self.under_way = None;
    }

    /// The piece of work that was begun failed: it is to be done again. It came from here, so there is room for it.
    pub fn put_back(&mut self) {
        match self.under_way.take() {
            Some(Forget::Keys(keys)) => self.keys.extend(keys),
            Some(Forget::Records(records)) => self.records.extend(records),
            Some(Forget::Notes(notes)) => self.notes.extend(notes),
            Some(Forget::Patterns(patterns)) => self.patterns.extend(patterns),
            Some(Forget::Everything { spares_critical }) => self.all(spares_critical),
            Some(Forget::Lock(lock)) => drop(self.locks.insert(lock)),
            None => {}
        }
    }
}

fn some_of(keys: &mut HashSet<FullKey>) -> Vec<FullKey> {
    let some: Vec<FullKey> = keys.iter().take(KEYS_PER_PIECE).cloned().collect();
    for key in &some {
        keys.remove(key);
    }
    some
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> FullKey {
        FullKey::from_slice(text.as_bytes())
    }

    fn of_all(glob: &str) -> Pattern {
        Pattern::of_all(glob.as_bytes().to_vec())
    }

    #[test]
    fn a_pattern_that_spares_critical_keys_does_not_name_them() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Patterns(vec![Pattern { spares_critical: true, ..of_all("*") }])));
        assert!(journal.names(b"page", || false) && !journal.names(b"session", || true));
        journal.begin();
        assert!(journal.names(b"page", || false) && !journal.names(b"session", || true));
        assert!(!journal.push(Forget::Patterns(vec![of_all("s*")])));
        assert!(journal.names(b"session", || true));
    }

    #[test]
    fn a_key_is_remembered_once() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Keys(vec![key("a"), key("a")])));
        assert!(!journal.push(Forget::Keys(vec![key("a")])));
        assert_eq!((journal.len(), journal.begin()), (1, Some(Forget::Keys(vec![key("a")]))));
        journal.finish();
        assert!(journal.is_empty() && journal.begin().is_none());
    }

    #[test]
    fn an_overflow_remembers_everything_instead() {
        let mut journal = Journal::new(2);
        assert!(!journal.push(Forget::Keys(vec![key("a"), key("b")])));
        assert!(journal.push(Forget::Keys(vec![key("session:1")])));
        journal.overflow(|key| key.starts_with(b"session:"));
        assert_eq!(journal.begin(), Some(Forget::Keys(vec![key("session:1")])));
        assert!(journal.is_everything(|| false));
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: true }));
        journal.finish();
        assert!(journal.is_empty());
    }

    #[test]
    fn what_waits_or_is_under_way_names_its_keys() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Keys(vec![key("a")])));
        assert!(!journal.push(Forget::Patterns(vec![of_all("p:*"), of_all("q:*")])));
        assert!(
            journal.names(b"a", || false)
                && journal.names(b"p:1", || false)
                && journal.names(b"q:1", || false)
                && !journal.names(b"b", || false)
        );
        journal.begin();
        assert!(journal.names(b"a", || false), "the server has not answered yet");
        journal.put_back();
        assert_eq!(journal.len(), 3);
        journal.begin();
        assert!(!journal.push(Forget::Keys(vec![key("a")])));
        journal.finish();
        assert!(journal.names(b"a", || false), "deleted once more while the first deletion was under way");
        journal.forgive(b"a");
        assert!(!journal.names(b"a", || false));
    }

    #[test]
    fn a_deletion_under_way_that_was_forgiven_is_not_begun_again() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Keys(vec![key("a"), key("b")])));
        journal.begin();
        journal.forgive(b"a");
        assert!(!journal.names(b"a", || false) && journal.names(b"b", || false), "the new value may be read");
        journal.put_back();
        assert_eq!(journal.begin(), Some(Forget::Keys(vec![key("b")])));
        journal.forgive(b"b");
        journal.put_back();
        assert!(journal.is_empty() && journal.begin().is_none());
    }

    #[test]
    fn records_are_forgotten_before_anything_is_deleted() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Keys(vec![key("a")])) && !journal.has_records());
        assert!(!journal.push(Forget::Records(vec![key("tag"), key("tag")])));
        assert!(journal.names(b"tag", || false) && journal.has_records());
        assert_eq!((journal.len(), journal.begin()), (2, Some(Forget::Records(vec![key("tag")]))));
        assert!(journal.names(b"tag", || false) && journal.has_records(), "the server has not answered yet");
        journal.put_back();
        assert_eq!(journal.len(), 2);
        journal.begin();
        journal.finish();
        assert!(!journal.names(b"tag", || false) && !journal.has_records());
        assert_eq!(journal.begin(), Some(Forget::Keys(vec![key("a")])));
    }

    #[test]
    fn a_clear_takes_the_critical_keys_that_an_overflow_spares() {
        let mut journal = Journal::new(10);
        assert!(!journal.push(Forget::Everything { spares_critical: true }));
        assert!(journal.is_everything(|| false) && !journal.is_everything(|| true));
        assert!(!journal.push(Forget::Everything { spares_critical: false }));
        assert!(!journal.push(Forget::Everything { spares_critical: true }));
        assert!(journal.is_everything(|| true) && journal.len() == 1);
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: false }));
        assert!(journal.is_everything(|| true), "the server has not answered yet");
        journal.put_back();
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: false }));
        journal.finish();
        assert!(journal.is_empty() && !journal.is_everything(|| false));
    }

    #[test]
    fn locks_are_given_back_and_their_keys_read_meanwhile() {
        let mut journal = Journal::new(2);
        let lock = |token: &str| Forget::Lock(Box::new(Abandoned { key: key("job"), token: token.into() }));
        assert!(!journal.push(lock("a")) && !journal.push(lock("b")) && !journal.push(lock("c")), "there is a bound");
        journal.overflow(|_| false);
        assert!(!journal.names(b"job", || false) && journal.len() == 3);
        assert_eq!(journal.begin(), Some(lock("a")));
        journal.forgive(b"job");
        journal.put_back();
        for token in ["a", "b"] {
            assert_eq!(journal.begin(), Some(lock(token)));
            journal.finish();
        }
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: true }));
    }

    #[test]
    fn records_overflow_as_keys_do() {
        let mut journal = Journal::new(1);
        assert!(journal.push(Forget::Records(vec![key("one"), key("two")])));
        journal.overflow(|_| false);
        assert!(journal.is_everything(|| false) && !journal.has_records());
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: true }));
    }

    #[test]
    fn an_overflow_keeps_notes_and_tells_them_before_everything_is_deleted() {
        let mut journal = Journal::new(1);
        assert!(!journal.push(Forget::Notes(vec![key("note")])) && journal.has_records());
        assert!(journal.push(Forget::Keys(vec![key("a"), key("b")])));
        journal.overflow(|_| false);
        assert_eq!((journal.len(), journal.begin()), (2, Some(Forget::Notes(vec![key("note")]))));
        assert!(journal.has_records() && journal.names(b"note", || false));
        journal.put_back();
        assert_eq!((journal.len(), journal.begin()), (2, Some(Forget::Notes(vec![key("note")]))));
        journal.finish();
        assert_eq!(journal.begin(), Some(Forget::Everything { spares_critical: true }));
    }

    #[test]
    fn an_overflow_keeps_records_that_are_spared_with_critical_keys() {
        let mut journal = Journal::new(2);
        assert!(!journal.push(Forget::Keys(vec![key("session:1")])));
        assert!(journal.push(Forget::Records(vec![key("tag:session:5"), key("tag:product:5")])));
        journal.overflow(|key| key.windows(8).any(|part| part == b"session:"));
        assert_eq!(journal.begin(), Some(Forget::Records(vec![key("tag:session:5")])));
        assert_eq!(journal.begin(), Some(Forget::Keys(vec![key("session:1")])));
    }

    proptest! {
        #[test]
        fn nothing_that_was_pushed_is_lost(numbers in prop::collection::vec(0u8..50, 0..80), max_keys in 1usize..60) {
            let mut journal = Journal::new(max_keys);
            for number in &numbers {
                if journal.push(Forget::Keys(vec![key(&number.to_string())])) {
                    journal.overflow(|_| false);
                }
            }
            prop_assert!(journal.len() <= max_keys + 1);
            let (mut kept, mut everything) = (HashSet::new(), false);
            while let Some(forget) = journal.begin() {
                journal.finish();
                match forget {
                    Forget::Keys(keys) => kept.extend(keys),
                    Forget::Everything { .. } => everything = true,
                    Forget::Patterns(_) | Forget::Records(_) | Forget::Notes(_) | Forget::Lock(_) => prop_assert!(false, "no pattern was pushed"),
                }
            }
            prop_assert!(everything || numbers.iter().all(|number| kept.contains(&key(&number.to_string()))));
        }
    }
}
