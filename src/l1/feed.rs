//! How far the server's word can be trusted: the epoch of the feed, and until when it is fresh. Pure, but for atomics.

use crate::stats::Counter;
use crate::wait::Parking;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which feed: one more with each that begins, and with each that is lost.
pub(super) type Epoch = u16;

/// Milliseconds take the lower bits: enough for 8,900 years.
const EPOCH_SHIFT: u32 = 48;
const TIME_MASK: u64 = (1 << EPOCH_SHIFT) - 1;

/// Why everything was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// The connection was, or could not be made.
    Connection(String),
    /// The server answers nothing on it.
    Silence,
    /// The server does not do this, or not for this user.
    Refused(String),
    /// So much is written that listening costs more than asking.
    Flood,
    /// A database was emptied.
    Flush,
    /// The server is a replica now, or other connections lead to another one.
    Failover,
}

/// Names of the reasons, in the order of [`Lost::number`].
const REASONS: [&str; 6] = ["connection", "silence", "refused", "flood", "flush", "failover"];

impl Lost {
    fn number(&self) -> usize {
        match self {
            Self::Connection(_) => 0,
            Self::Silence => 1,
            Self::Refused(_) => 2,
            Self::Flood => 3,
            Self::Flush => 4,
            Self::Failover => 5,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Connection(cause) | Self::Refused(cause) => cause.clone(),
            Self::Silence => "the server answers nothing on this connection".to_owned(),
            Self::Flood => "more keys are written than it pays to hear of".to_owned(),
            Self::Flush => "a database was emptied".to_owned(),
            Self::Failover => "connections lead to different servers, or to one that became a replica".to_owned(),
        }
    }
}

/// What the feed is at, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedState {
    /// Whether copies are served on its word now.
    pub is_fresh: bool,
    /// Whether a thread attends to it.
    pub is_attended: bool,
    /// Milliseconds since the server was asked for the last sign of life that it gave.
    pub age_ms: Option<u64>,
    /// Why there is none, when there was one or should be.
    pub lost: Option<String>,
}

/// The feed of one local cache.
#[derive(Default)]
pub(super) struct Feed {
    /// Epoch and the time until which it is fresh: in one word, so that nobody sees the one of this feed with the other of
    /// the next.
    word: AtomicU64,
    /// Which server it comes from.
    peer: AtomicU64,
    /// When the server was asked for its last sign of life.
    alive_at: AtomicU64,
    is_attended: AtomicBool,
    /// Whoever attends to it goes when this is woken.
    attendant: Mutex<Option<Arc<Parking>>>,
    lost: Mutex<Option<Lost>>,
    resets: [Counter; REASONS.len()],
}

impl Feed {
    #[inline]
    pub(super) fn epoch(&self) -> Epoch {
        epoch_of(self.word.load(Ordering::Acquire))
    }

    /// Whether copies of this epoch may be served on the server's word.
    #[inline]
    pub(super) fn covers(&self, epoch: Epoch, now: u64) -> bool {
        let word = self.word.load(Ordering::Acquire);
        epoch_of(word) == epoch && now < word & TIME_MASK
    }

    /// The server sends what is written from now on. What was asked for before is not covered.
    pub(super) fn begin(&self, peer: u64) -> Epoch {
        self.peer.store(peer, Ordering::Release);
        *self.lost.lock() = None;
        self.next_epoch()
    }

    /// Which server it comes from.
    pub(super) fn peer(&self) -> u64 {
        self.peer.load(Ordering::Acquire)
    }

    /// The server gave a sign of life that was asked for at this time: all that was written before has been heard of.
    pub(super) fn alive(&self, epoch: Epoch, asked_at: u64, max_staleness: u64) {
        let until = asked_at.saturating_add(max_staleness).min(TIME_MASK);
        self.alive_at.store(asked_at, Ordering::Relaxed);
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
            (epoch_of(word) == epoch).then_some(word & !TIME_MASK | until)
        });
    }

    /// Nothing is covered any more.
    pub(super) fn lost(&self, lost: Lost) {
        self.next_epoch();
        self.count(&lost);
        *self.lost.lock() = Some(lost);
    }

    pub(super) fn count(&self, lost: &Lost) {
        self.resets[lost.number()].one();
    }

    /// Nothing that was read so far is covered by what comes.
    pub(super) fn next_epoch(&self) -> Epoch {
        let next = |word| Some(u64::from(epoch_of(word).wrapping_add(1)) << EPOCH_SHIFT);
        match self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(before) | Err(before) => epoch_of(before).wrapping_add(1),
        }
    }

    #[inline]
    pub(super) fn is_attended(&self) -> bool {
        self.is_attended.load(Ordering::Relaxed)
    }

    /// Takes the place of whoever attends to it; none when it is taken.
    pub(super) fn attend(&self) -> Option<Arc<Parking>> {
        let mut attendant = self.attendant.lock();
        if attendant.is_some() {
            return None;
        }
        let end = Arc::new(Parking::default());
        *attendant = Some(Arc::clone(&end));
        self.is_attended.store(true, Ordering::Relaxed);
        Some(end)
    }

    /// Sends the attendant away.
    pub(super) fn dismiss(&self) {
        if let Some(end) = self.attendant.lock().take() {
            self.is_attended.store(false, Ordering::Relaxed);
            end.wake();
        }
        self.next_epoch();
    }

    pub(super) fn state(&self, now: u64) -> FeedState {
        let word = self.word.load(Ordering::Acquire);
        let is_fresh = now < word & TIME_MASK;
        let alive_at = self.alive_at.load(Ordering::Relaxed);
        FeedState {
            is_fresh,
            is_attended: self.is_attended(),
            age_ms: (alive_at > 0).then(|| now.saturating_sub(alive_at)),
            lost: self.lost.lock().as_ref().map(Lost::text),
        }
    }

    pub(super) fn resets(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.into_iter().zip(self.resets.iter().map(Counter::get))
    }
}

fn epoch_of(word: u64) -> Epoch {
    Epoch::try_from(word >> EPOCH_SHIFT).expect("16 bits are left of 64")
}
