//! The local cache: copies in this process of what the server holds, never served later than promised.
//!
//! A copy may be served while it is younger than `max_staleness`, counted from when its `GET` was sent; or, as long as the
//! feed is fresh, until the server says that its key was written. The first half needs no thread and no help of the
//! server. `docs/design/l1.md` has the argument why neither can be wrong.

mod feed;
mod listen;
mod table;
#[cfg(test)]
mod tests;

pub use feed::{FeedState, Lost};
pub use table::{Look, Outgoing, Ticket};

use crate::bounded::Held;
use crate::clock;
use crate::config::LocalSettings;
use crate::net::Pool;
use crate::stats::Counter;
use feed::Feed;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use table::Table;

/// Copies that one call drops of those that the feed removed: dropping a million at once would hold up a request.
const DROPPED_AT_ONCE: usize = 256;

/// What the local cache did.
#[derive(Debug, Default)]
pub struct Counts {
    /// Reads answered from here.
    pub hits: Counter,
    /// Reads that were not.
    pub misses: Counter,
    /// Copies that went because there was no room.
    pub evicted: Counter,
    /// Keys that the server said were written.
    pub invalidations: Counter,
    /// Copies not kept, because their key was written while they were on their way.
    pub voided: Counter,
}

/// How full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Copies.
    pub entries: usize,
    /// Bytes in use: keys, values and what keeping them takes.
    pub bytes: u64,
    /// The bound.
    pub max_bytes: usize,
}

/// How long the server keeps what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It never expires.
    Always,
    /// So many milliseconds from when it was asked.
    Milliseconds(u64),
}

/// The local cache of one cache in one process.
pub struct L1 {
    settings: LocalSettings,
    table: Table,
    feed: Feed,
    /// What the server's keys of this cache begin with.
    beginning: Vec<u8>,
    pool: Arc<Pool>,
    /// What the listener removed, for a thread with the GIL to drop: the listener owns nothing of Python.
    trash: Mutex<Vec<Outgoing>>,
    has_trash: AtomicBool,
    /// What it did.
    pub counts: Counts,
}

impl L1 {
    /// An empty one; starts nothing yet. `beginning` is what all keys of the cache begin with.
    #[must_use]
    pub fn new(settings: LocalSettings, beginning: Vec<u8>, pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            table: Table::new(settings.max_bytes),
            feed: Feed::default(),
            settings,
            beginning,
            pool,
            trash: Mutex::default(),
            has_trash: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    /// The copy at a key, if it may be served now; else a ticket for the one that will be read from the server.
    #[inline]
    pub fn look(self: &Arc<Self>, key: &[u8]) -> Look {
        if !self.feed.is_attended() && self.settings.tracking {
            self.listen();
        }
        let now = clock::now_ms();
        self.table.look(key, now, self.max_staleness_ms(), &self.feed)
    }

    /// A ticket for what will be read from the server, whatever is here.
    #[must_use]
    pub fn ask(&self, key: &[u8]) -> Ticket {
        self.table.ask(key, clock::now_ms(), &self.feed)
    }

    /// Counts a read that was answered from here, or was not.
    #[inline]
    pub fn count(&self, was_hit: bool) {
        (if was_hit { &self.counts.hits } else { &self.counts.misses }).one();
    }

    /// Keeps a copy of what the server `peer` said to whoever took this ticket, unless its key was written meanwhile. `None`
    /// stands for no value.
    /// Returns what had to go for it; drop that where Python objects may be dropped.
    #[must_use]
    pub fn fill(&self, ticket: &Ticket, key: &[u8], value: Option<Arc<dyn Held>>, left: Left, peer: u64) -> Outgoing {
        if value.is_none() && !self.settings.negative {
            return self.table.remove(key);
        }
        let max_ttl = self.settings.max_ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let left = match left {
            Left::Always => max_ttl,
            Left::Milliseconds(left) => Some(max_ttl.map_or(left, |most| most.min(left))),
        };
        // After a failover connections to the old server may live on, of whose values the feed of the new one says nothing.
        let may_be_covered = peer == self.feed.peer();
        let kept = self.table.fill(ticket, key, value, left, may_be_covered);
        self.counts.evicted.add(usize::try_from(kept.evicted).unwrap_or(usize::MAX));
        if kept.was_voided {
            self.counts.voided.one();
        }
        kept.outgoing
    }

    /// A key is being written, or was: its copy goes, and none that is on its way will be kept.
    #[must_use]
    pub fn forget(&self, key: &[u8]) -> Outgoing {
        self.table.forget(key)
    }

    /// Keys that match one of these globs are being written, or were.
    #[must_use]
    pub fn forget_matching(&self, globs: Vec<Vec<u8>>) -> Outgoing {
        self.table.forget_matching(globs)
    }

    /// Any key may have been written.
    #[must_use]
    pub fn forget_all(&self) -> Outgoing {
        self.table.forget_all()
    }

    /// A part of what the feed removed, to be dropped where Python objects may be.
    #[inline]
    #[must_use]
    pub fn trash(&self) -> Option<Outgoing> {
        if self.has_trash.load(Ordering::Relaxed) { Some(self.take_trash()) } else { None }
    }

    #[cold]
    fn take_trash(&self) -> Outgoing {
        let mut trash = self.trash.lock();
        let mut taken = Outgoing::default();
        while let Some(mut piece) = trash.pop() {
            if let Some(rest) = piece.split_off(DROPPED_AT_ONCE.saturating_sub(taken.len())) {
                trash.push(rest);
                taken.append(piece);
                return taken;
            }
            taken.append(piece);
        }
        self.has_trash.store(false, Ordering::Relaxed);
        taken
    }

    /// Whether values are kept that are none.
    #[must_use]
    pub fn keeps_absence(&self) -> bool {
        self.settings.negative
    }

    /// How full it is.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (entries, bytes) = self.table.size();
        Usage { entries, bytes, max_bytes: self.settings.max_bytes }
    }

    /// What the feed is at.
    #[must_use]
    pub fn feed(&self) -> FeedState {
        self.feed.state(clock::now_ms())
    }

    /// How often everything was given up, by reason.
    pub fn resets(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.feed.resets()
    }

    /// The server was found to be a replica. The listener goes and looks for another.
    #[must_use]
    pub fn distrust(&self) -> Outgoing {
        self.feed.next_epoch();
        self.table.forget_all()
    }

    /// Whether new connections lead to another server than the feed comes from, as after a failover.
    fn is_elsewhere(&self) -> bool {
        self.pool.peer().is_some_and(|peer| peer != self.feed.peer())
    }

    /// Ends the listener and empties everything; the next look starts afresh.
    #[must_use]
    pub fn close(&self) -> Outgoing {
        self.feed.dismiss();
        let mut outgoing = self.table.forget_all();
        for piece in std::mem::take(&mut *self.trash.lock()) {
            outgoing.append(piece);
        }
        outgoing
    }

    fn max_staleness_ms(&self) -> u64 {
        u64::try_from(self.settings.max_staleness.as_millis()).unwrap_or(u64::MAX)
    }

    /// The listener removed these.
    fn discard(&self, outgoing: Outgoing) {
        if outgoing.is_empty() {
            return;
        }
        self.trash.lock().push(outgoing);
        self.has_trash.store(true, Ordering::Relaxed);
    }
}
