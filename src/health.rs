//! What a failing server means to this process: breaker, journal, and the thread that brings both back.
//!
//! While the breaker is open nothing is sent by callers. A deletion that did not reach the server is written down, and what
//! it covers is not read before it was replayed. One thread, which exists only while there is something to make up for,
//! probes the server, replays the journal and closes the breaker: no request pays for that.

mod recovery;

use crate::breaker::{Breaker, Suspicion};
use crate::config::CacheSettings;
use crate::error::{Error, Refusal, Result, Stage};
use crate::invalidate::{Forget, Journal};
use crate::keys::KeyMaker;
use crate::net::Pool;
use crate::net::blocking;
use crate::stats::Stats;
use crate::store::{Ping, Spares};
use crate::wait::{Deadline, PlainWaiter, Waiter};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events nobody has asked for yet; older ones go first.
const MAX_EVENTS: usize = 64;

/// A refusal that comes again within this time is the same state, and no new line in the log.
const SAME_REFUSAL: Duration = Duration::from_secs(60);

/// A caller who waited for so long and was interrupted makes the server suspect.
const LONG_WAIT: Duration = Duration::from_millis(100);

/// A change of state, for one line in the log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The server was found dead.
    Opened {
        /// The server, without credentials.
        address: String,
        /// What failed.
        error: Error,
    },
    /// It answers again, and the journal is replayed.
    Recovered {
        /// The server, without credentials.
        address: String,
        /// How long it was away.
        after: Duration,
        /// Invalidations replayed.
        replayed: usize,
    },
    /// The server will never take an invalidation that was written down: what it covers may be read again, though stale.
    GaveUp {
        /// The server, without credentials.
        address: String,
        /// What it said.
        error: Error,
    },
    /// More invalidations than the journal holds: everything of this cache will be deleted.
    JournalOverflow {
        /// The server, without credentials.
        address: String,
    },
    /// The server began to refuse, for example because it is full.
    Refusing {
        /// The server, without credentials.
        address: String,
        /// What it said.
        error: Error,
    },
}

struct State {
    breaker: Breaker,
    journal: Journal,
    recovering: bool,
    /// How often the thread that recovers has panicked.
    panics: usize,
    /// What opened the breaker.
    cause: Option<Error>,
    events: VecDeque<Event>,
    /// What the server refused lately, by code, and when last.
    refusals: HashMap<String, Instant>,
}

/// The state of one server, as one process sees it.
pub struct Health {
    pool: Arc<Pool>,
    stats: Arc<Stats>,
    keys: KeyMaker,
    critical: Vec<String>,
    state: Mutex<State>,
    is_open: AtomicBool,
    has_journal: AtomicBool,
    has_events: AtomicBool,
    /// Lives as long as somebody uses the cache.
    user: Weak<()>,
}

impl Health {
    /// A server believed to be alive. The recovery thread gives up some time after the last clone of `user` is gone.
    #[must_use]
    pub fn new(
        pool: Arc<Pool>,
        stats: Arc<Stats>,
        keys: KeyMaker,
        settings: &CacheSettings,
        user: &Arc<()>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            stats,
            keys,
            critical: settings.critical.clone(),
            state: Mutex::new(State {
                breaker: Breaker::default(),
                journal: Journal::new(settings.journal_max_keys),
                recovering: false,
                panics: 0,
                cause: None,
                events: VecDeque::new(),
                refusals: HashMap::new(),
            }),
            is_open: AtomicBool::new(false),
            has_journal: AtomicBool::new(false),
            has_events: AtomicBool::new(false),
            user: Arc::downgrade(user),
        })
    }

    /// Whether calls are to be answered without the server.
    #[inline]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Whether a call has just failed, and a PING is finding out if the server is dead.
    #[must_use]
    pub fn is_suspected(&self) -> bool {
        self.state.lock().breaker.is_suspicious()
    }

    /// Whether a key is to be deleted once the server can be told, and so must not be read now.
    #[inline]
    #[must_use]
    pub fn is_forgotten(&self, key: &[u8]) -> bool {
        self.has_journal() && self.is_in_journal(key)
    }

    /// Whether any deletion waits for the server; cheap.
    #[inline]
    #[must_use]
    pub fn has_journal(&self) -> bool {
        self.has_journal.load(Ordering::Acquire)
    }

    #[cold]
    fn is_in_journal(&self, key: &[u8]) -> bool {
        let state = self.state.lock();
        state.journal.names(key, || self.keys.begins_with(key, &self.critical))
            || state.journal.is_everything(|| self.keys.may_begin_with(key, &self.critical))
    }

    /// A new value was stored at a key whose deletion may still be waiting: it is settled.
    #[inline]
    pub fn forgive(&self, key: &[u8]) {
        if self.has_journal() {
            self.state.lock().journal.forgive(key);
        }
    }

    /// The error for calls that cannot do without the server, while the breaker is open.
    #[must_use]
    pub fn unavailable(&self) -> Error {
        let state = self.state.lock();
        if state.breaker.is_suspicious() {
            return self
                .nothing_sent("a call to it has just failed, and whether it is dead is being found out".to_owned());
        }
        match &state.cause {
            // It is not away, and the password stays wrong until somebody reads this.
            Some(cause @ Error::Server(refusal)) if refusal.refusal() == Refusal::Authentication => cause.clone(),
            Some(cause) => self.nothing_sent(format!("it was found dead and is being probed ({cause})")),
            None => self.nothing_sent("it has just come back; try again".to_owned()),
        }
    }

    /// The error for calls that need an answer about a key whose deletion still waits for the server.
    #[must_use]
    pub fn pending_deletion(&self) -> Error {
        self.nothing_sent("the deletion of this key still waits for it".to_owned())
    }

    fn nothing_sent(&self, cause: String) -> Error {
        Error::Unavailable { address: self.pool.address().to_owned(), cause }
    }

    /// How many deletions wait for the server.
    #[must_use]
    pub fn journal_len(&self) -> usize {
        self.state.lock().journal.len()
    }

    /// Whether [`take_events`](Self::take_events) has something; cheap.
    #[inline]
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Relaxed)
    }

    /// What changed since the last call.
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        let mut state = self.state.lock();
        self.has_events.store(false, Ordering::Relaxed);
        state.events.drain(..).collect()
    }

    fn emit(&self, state: &mut State, event: Event) {
        if state.events.len() == MAX_EVENTS {
            state.events.pop_front();
        }
        state.events.push_back(event);
        self.has_events.store(true, Ordering::Relaxed);
    }

    /// A call failed. Finds out whether the server is dead, by a PING on a fresh connection, in the time of the caller.
    ///
    /// # Errors
    /// [`Error::Interrupted`]: a signal ended the wait for the PING.
    pub fn failed(self: &Arc<Self>, error: &Error, waiter: &dyn Waiter) -> Result<()> {
        let Some(suspicion) = self.suspicion(error) else { return Ok(()) };
        match self.probe(waiter) {
            Ok(()) => self.state.lock().breaker.cleared(suspicion),
            Err(Error::Interrupted) => {
                self.state.lock().breaker.cleared(suspicion);
                // Somebody else waits for another one: no caller may ever have the time for both.
                self.failed_elsewhere(error);
                return Err(Error::Interrupted);
            }
            Err(_) => self.open(suspicion, error),
        }
        Ok(())
    }

    /// As [`failed`](Self::failed), for callers that must not wait: a thread that ends with it sends the PING.
    pub fn failed_elsewhere(self: &Arc<Self>, error: &Error) {
        self.probe_elsewhere(error);
    }

    /// A caller was interrupted after waiting for so long. If he, or a time limit of his, is always sooner than ours, nothing
    /// else ever finds out that the server is dead.
    pub fn interrupted(self: &Arc<Self>, after: Duration) {
        if after >= LONG_WAIT.min(self.pool.server().timeout / 4) {
            let address = self.pool.address().to_owned();
            self.failed_elsewhere(&Error::Timeout { address, after, stage: Stage::Reply });
        }
    }

    /// The thread that sends the PING, if one is to be sent and the system has a thread to give.
    fn probe_elsewhere(self: &Arc<Self>, error: &Error) -> Option<JoinHandle<()>> {
        let suspicion = self.suspicion(error)?;
        let (health, cause) = (Arc::clone(self), error.clone());
        let begun = std::thread::Builder::new().name("hitrate-probe".to_owned()).spawn(move || {
            match health.probe(&PlainWaiter) {
                Ok(()) => health.state.lock().breaker.cleared(suspicion),
                Err(_) => health.open(suspicion, &cause),
            }
        });
        if begun.is_err() {
            self.state.lock().breaker.cleared(suspicion);
        }
        begun.ok()
    }

    /// Whether this caller is to find out if the server is dead: one at a time.
    fn suspicion(&self, error: &Error) -> Option<Suspicion> {
        error.is_sign_of_death().then(|| self.state.lock().breaker.failed()).flatten()
    }

    /// Says yes to full keys that begin with a critical prefix.
    #[must_use]
    pub fn critical_keys(&self) -> Spares {
        let (keys, critical) = (self.keys.clone(), self.critical.clone());
        Box::new(move |key| keys.begins_with(key, &critical))
    }

    /// Says yes to full keys that stay when everything of this cache goes: another cache's, and critical ones if they are to
    /// be spared.
    #[must_use]
    pub fn spared_keys(&self, spares_critical: bool) -> Spares {
        let (keys, critical) = (self.keys.clone(), self.critical.clone());
        Box::new(move |key| !keys.owns(key) || (spares_critical && keys.may_begin_with(key, &critical)))
    }

    /// One line in the log when the server begins to refuse.
    pub fn note_refusal(&self, error: &Error) {
        let Error::Server(refusal) = error else { return };
        let mut state = self.state.lock();
        let now = Instant::now();
        let before = state.refusals.insert(refusal.code.clone(), now);
        if before.is_none_or(|before| now.saturating_duration_since(before) > SAME_REFUSAL) {
            let event = Event::Refusing { address: self.pool.address().to_owned(), error: error.clone() };
            self.emit(&mut state, event);
        }
        drop(state);
        if refusal.is_replica() {
            // After a failover the old primary still takes connections.
            self.pool.reconnect();
        }
    }

    /// Writes a deletion down if the breaker is open. Returns false when it is closed: the deletion can be sent.
    #[must_use]
    pub fn journal_if_open(self: &Arc<Self>, forget: &Forget) -> bool {
        let mut state = self.state.lock();
        let open = state.breaker.is_open();
        if open {
            self.write_down(&mut state, forget.clone());
        }
        open
    }

    /// Writes a deletion that is about to be sent down as well, if records wait that are to be forgotten before it. Returns
    /// whether that is all that is to be done now, for the server may be dead: whoever waited for those records in vain does
    /// not wait for this as well.
    #[must_use]
    pub fn journal_behind_records(self: &Arc<Self>, forget: &Forget) -> bool {
        if !self.has_journal() || matches!(forget, Forget::Records(_) | Forget::Notes(_)) {
            return false;
        }
        let mut state = self.state.lock();
        let waits = state.journal.has_records();
        if waits {
            self.write_down(&mut state, forget.clone());
        }
        waits && state.breaker.is_suspicious()
    }

    /// Writes a deletion down that may not have reached the server; it is replayed as soon as possible.
    pub fn journal(self: &Arc<Self>, forget: Forget) {
        self.write_down(&mut self.state.lock(), forget);
    }

    fn write_down(self: &Arc<Self>, state: &mut State, forget: Forget) {
        self.stats.journaled.one();
        if state.journal.push(forget) {
            state.journal.overflow(|key| self.keys.may_begin_with(key, &self.critical));
            let event = Event::JournalOverflow { address: self.pool.address().to_owned() };
            self.emit(state, event);
        }
        self.has_journal.store(true, Ordering::Release);
        self.start_recovery(state);
    }

    fn probe(&self, waiter: &dyn Waiter) -> Result<()> {
        blocking::run_fresh(&self.pool, &mut Ping, waiter, Deadline::after(self.pool.server().timeout / 2))
    }

    fn open(self: &Arc<Self>, suspicion: Suspicion, error: &Error) {
        let mut state = self.state.lock();
        if !state.breaker.confirmed(suspicion, Instant::now()) {
            return;
        }
        self.stats.breaker_opened.one();
        let event = Event::Opened { address: self.pool.address().to_owned(), error: error.clone() };
        self.emit(&mut state, event);
        state.cause = Some(error.clone());
        self.is_open.store(true, Ordering::Release);
        if !self.start_recovery(&mut state) {
            self.close_unrecovered(&mut state);
        }
    }
}

#[cfg(test)]
mod tests;
