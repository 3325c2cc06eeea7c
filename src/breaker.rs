//! The circuit breaker, and how often a dead server is probed. Pure: fed a clock, does nothing itself.
//!
//! A failed round trip alone does not open it: a slow fork of the server, or one slow script, must not send the whole
//! site to its database. It opens when a PING on a fresh connection fails too.

use std::time::{Duration, Instant};

/// First pause between probes of a dead server.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Pauses that double.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Backoff {
    /// How long to wait before the next try; longer each time.
    pub fn pause(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(LONGEST_PAUSE);
        now
    }
}

/// What a failed round trip gives rise to: a PING on a fresh connection, of which [`Breaker::confirmed`] or
/// [`Breaker::cleared`] is told. What was heard of the server meanwhile settles it, and the PING proves nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Somebody's round trip failed and he is sending a PING.
    Suspected(Suspicion),
    Open {
        since: Instant,
        /// Since then it has answered something.
        has_answered: bool,
    },
}

/// Whether the server is believed to be alive.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    suspicions: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, suspicions: 0 }
    }
}

impl Breaker {
    /// Whether calls are to be answered without the server.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether a PING is under way that tells if the server is dead.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        matches!(self.state, State::Suspected(_))
    }

    /// A round trip failed in a way that a dead server would explain. None: it is open already, or somebody else is sending
    /// a PING.
    pub fn failed(&mut self) -> Option<Suspicion> {
        if self.state != State::Closed {
            return None;
        }
        self.suspicions += 1;
        let suspicion = Suspicion(self.suspicions);
        self.state = State::Suspected(suspicion);
        Some(suspicion)
    }

    /// The PING failed too. Returns whether this opened the breaker.
    pub fn confirmed(&mut self, suspicion: Suspicion, now: Instant) -> bool {
        let opens = self.state == State::Suspected(suspicion);
        if opens {
            self.state = State::Open { since: now, has_answered: false };
        }
        opens
    }

    /// The PING was answered: the server is alive, whatever ailed that one round trip.
    pub fn cleared(&mut self, suspicion: Suspicion) {
        if self.state == State::Suspected(suspicion) {
            self.state = State::Closed;
        }
    }

    /// The server answered something else: a PING that was sent before, and fails later, says nothing of it.
    pub fn answered(&mut self) {
        match &mut self.state {
            State::Closed => {}
            State::Suspected(_) => self.state = State::Closed,
            State::Open { has_answered, .. } => *has_answered = true,
        }
    }

    /// Closes it, if the server has answered since it opened. Returns for how long it was open.
    pub fn recovered(&mut self, now: Instant) -> Option<Duration> {
        let State::Open { since, has_answered: true } = self.state else {
            return None;
        };
        self.state = State::Closed;
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        let suspicion = breaker.failed().expect("it is closed");
        assert!(breaker.confirmed(suspicion, now));
        breaker
    }

    #[test]
    fn a_failure_alone_does_not_open_it() {
        let mut breaker = Breaker::default();
        let suspicion = breaker.failed().expect("it is closed");
        assert_eq!(breaker.failed(), None);
        assert!(!breaker.is_open());
        breaker.cleared(suspicion);
        assert!(breaker.failed().is_some());
    }

    #[test]
    fn it_opens_when_the_probe_fails_too_and_says_so_once() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let suspicion = breaker.failed().expect("it is closed");
        assert!(breaker.confirmed(suspicion, now));
        assert!(!breaker.confirmed(suspicion, now));
        assert!(breaker.is_open());
        assert_eq!(breaker.failed(), None);
        breaker.cleared(suspicion);
        assert!(breaker.is_open(), "a late answer to an old probe does not close it");
    }

    #[test]
    fn a_probe_that_was_overtaken_by_an_answer_proves_nothing() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let old = breaker.failed().expect("it is closed");
        breaker.answered();
        assert!(!breaker.confirmed(old, now) && !breaker.is_open());
        let new = breaker.failed().expect("it is closed");
        breaker.cleared(old);
        assert!(!breaker.confirmed(old, now), "nor does it once there is another suspicion");
        assert!(breaker.confirmed(new, now));
    }

    #[test]
    fn recovery_closes_it_and_tells_for_how_long_it_was_open() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.recovered(now), None, "nothing was heard yet");
        assert!(breaker.is_open());
        breaker.answered();
        assert_eq!(breaker.recovered(now + Duration::from_secs(3)), Some(Duration::from_secs(3)));
        assert_eq!(breaker.recovered(now), None);
        assert!(!breaker.is_open());
    }

    #[test]
    fn pauses_double_up_to_a_second() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..7).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
    }
}
