//! The thread that brings a server back: it probes, replays the journal, and closes the breaker.

use super::{Event, Health, State};
use crate::breaker::Backoff;
use crate::error::{Error, Refusal, Result};
use crate::invalidate::Forget;
use crate::net::blocking::{self, Patience};
use crate::store::{DeletePattern, LockRelease, RecordsForget, Unlink};
use crate::wait::{Deadline, Parking, PlainWaiter};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Keys the server looks at per `SCAN` when a pattern is replayed.
const REPLAY_COUNT: usize = 1000;
/// As good as no deadline: every single round trip has one.
const A_DAY: Duration = Duration::from_secs(86_400);
/// Panics after which it is not started again by itself, but by the next outage or deletion alone.
pub(super) const MAX_PANICS: usize = 3;
/// How long the thread goes on for a cache that nobody uses any more.
const LAST_TRIES: Duration = Duration::from_secs(600);

impl Health {
    /// Starts the thread unless it runs; false when the system has none to give.
    pub(super) fn start_recovery(self: &Arc<Self>, state: &mut State) -> bool {
        if !state.recovering {
            let recovery = Recovery(Arc::clone(self));
            let thread = std::thread::Builder::new().name("hitrate-recovery".to_owned());
            state.recovering = thread.spawn(move || recovery.0.recover()).is_ok();
        }
        state.recovering
    }

    /// Closes the breaker without a thread that could tell when: otherwise nobody would ever close it again, and it is better to
    /// go on paying deadlines.
    pub(super) fn close_unrecovered(&self, state: &mut State) {
        state.breaker.answered();
        state.breaker.recovered(Instant::now());
        self.is_open.store(false, Ordering::Release);
    }

    fn recover_from_panic(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.recovering = false;
        // What it was doing is still to be done.
        state.journal.put_back();
        state.panics += 1;
        if state.panics > MAX_PANICS || !self.start_recovery(&mut state) {
            self.close_unrecovered(&mut state);
        }
    }

    /// The recovery thread. It owns nothing of Python.
    fn recover(&self) {
        let (mut backoff, mut unused_since) = (Backoff::default(), None);
        let mut replayed = 0;
        let never_woken = Parking::default();
        loop {
            let alive = !self.is_open() || self.is_answering();
            if alive && self.replay(&mut replayed) && self.close(&mut replayed) {
                return;
            }
            if self.user.strong_count() == 0 {
                let since = *unused_since.get_or_insert_with(Instant::now);
                let mut state = self.state.lock();
                if state.journal.is_empty() || since.elapsed() > LAST_TRIES {
                    state.recovering = false;
                    return;
                }
            }
            never_woken.wait(backoff.pause());
        }
    }

    fn is_answering(&self) -> bool {
        let answers = self.probe(&PlainWaiter).is_ok();
        if answers {
            self.state.lock().breaker.answered();
        }
        answers
    }

    /// Replays what it can; false when the server seems to be dead after all.
    fn replay(&self, replayed: &mut usize) -> bool {
        if self.is_open() {
            // They were opened to a server that died.
            self.pool.close_idle();
        }
        loop {
            let Some(work) = self.state.lock().journal.begin() else { return true };
            match self.forget(&work) {
                Ok(()) => {
                    let count = match &work {
                        Forget::Keys(keys) | Forget::Records(keys) | Forget::Notes(keys) => keys.len(),
                        Forget::Patterns(patterns) => patterns.len(),
                        Forget::Everything { .. } | Forget::Lock(_) => 1,
                    };
                    *replayed += count;
                    self.stats.replayed.add(count);
                    let mut state = self.state.lock();
                    state.journal.finish();
                    state.breaker.answered();
                }
                // Trying again cannot help, and waiting for it would keep everything it covers from being read for ever.
                Err(error) if is_final(&error) => {
                    let mut state = self.state.lock();
                    state.journal.finish();
                    self.emit(&mut state, Event::GaveUp { address: self.pool.address().to_owned(), error });
                }
                Err(error) => {
                    self.note_refusal(&error);
                    self.state.lock().journal.put_back();
                    return !error.is_sign_of_death();
                }
            }
        }
    }

    /// Closes the breaker, unless it opened while nothing was heard. True when there is nothing left to make up for.
    fn close(&self, replayed: &mut usize) -> bool {
        // Callers write into the journal under the same lock: none comes in between.
        let mut state = self.state.lock();
        if let Some(after) = state.breaker.recovered(Instant::now()) {
            let address = self.pool.address().to_owned();
            self.emit(&mut state, Event::Recovered { address, after, replayed: std::mem::take(replayed) });
            state.cause = None;
        } else if state.breaker.is_open() {
            return false;
        }
        self.is_open.store(false, Ordering::Release);
        let finished = state.journal.is_empty();
        self.has_journal.store(!finished, Ordering::Release);
        state.recovering = !finished;
        finished
    }

    fn forget(&self, work: &Forget) -> Result<()> {
        let server = self.pool.server();
        // However many keys there are: a walk that were given up and begun again would never end.
        let patience = Patience { round_trip: server.timeout, whole: Deadline::after(A_DAY) };
        match work {
            Forget::Keys(keys) => {
                blocking::run(&self.pool, &mut Unlink::new(keys.clone()), &PlainWaiter, patience)?;
            }
            Forget::Records(records) | Forget::Notes(records) => {
                blocking::run(&self.pool, &mut RecordsForget::new(records.clone()), &PlainWaiter, patience)?;
            }
            Forget::Patterns(patterns) => {
                let mut delete = DeletePattern::any_of(patterns.clone(), REPLAY_COUNT, self.critical_keys());
                blocking::run(&self.pool, &mut delete, &PlainWaiter, patience)?;
            }
            Forget::Lock(lock) => {
                let mut release = LockRelease::new(lock.key.clone(), lock.token.clone());
                blocking::run(&self.pool, &mut release, &PlainWaiter, patience)?;
            }
            Forget::Everything { spares_critical } => {
                let everything = self.keys.everything().ok_or_else(|| {
                    Error::Config("a key function that puts nothing in front hides which keys are ours".to_owned())
                })?;
                let mut delete =
                    DeletePattern::new(everything, REPLAY_COUNT).sparing(self.spared_keys(*spares_critical));
                blocking::run(&self.pool, &mut delete, &PlainWaiter, patience)?;
            }
        }
        Ok(())
    }
}

/// What the recovery thread holds.
pub(super) struct Recovery(pub(super) Arc<Health>);

impl Drop for Recovery {
    fn drop(&mut self) {
        // A panic would be a bug; that nobody ever tries again would make it an outage.
        if std::thread::panicking() {
            self.0.recover_from_panic();
        }
    }
}

/// Whether trying again would meet the same refusal.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Server(refusal) => matches!(refusal.refusal(), Refusal::Permission | Refusal::Command),
        Error::Config(_) => true,
        _ => false,
    }
}
