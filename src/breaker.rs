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

/// What the caller of [`Breaker::failed`] is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Send a PING on a fresh connection and report with [`Breaker::confirmed`] or [`Breaker::cleared`].
    Probe,
    /// Nothing: it is open already, or somebody else is probing.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Somebody's round trip failed and he is sending a PING.
    Suspected,
    Open {
        since: Instant,
    },
}

/// Whether the server is believed to be alive.
#[derive(Debug)]
pub struct Breaker {
    state: State,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed }
    }
}

impl Breaker {
    /// Whether calls are to be answered without the server.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// A round trip failed in a way that a dead server would explain.
    pub fn failed(&mut self) -> Advice {
        if self.state == State::Closed {
            self.state = State::Suspected;
            return Advice::Probe;
        }
        Advice::Nothing
    }

    /// The PING failed too. Returns whether this opened the breaker.
    pub fn confirmed(&mut self, now: Instant) -> bool {
        let opens = !self.is_open();
        if opens {
            self.state = State::Open { since: now };
        }
        opens
    }

    /// The PING was answered: the server is alive, whatever ailed that one round trip.
    pub fn cleared(&mut self) {
        if self.state == State::Suspected {
            self.state = State::Closed;
        }
    }

    /// The server answers again. Returns for how long it was open.
    pub fn recovered(&mut self, now: Instant) -> Option<Duration> {
        let State::Open { since } = self.state else {
            return None;
        };
        self.state = State::Closed;
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_alone_does_not_open_it() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.failed(), Advice::Probe);
        assert_eq!(breaker.failed(), Advice::Nothing);
        assert!(!breaker.is_open());
        breaker.cleared();
        assert_eq!(breaker.failed(), Advice::Probe);
    }

    #[test]
    fn it_opens_when_the_probe_fails_too_and_says_so_once() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.failed();
        assert!(breaker.confirmed(now));
        assert!(!breaker.confirmed(now));
        assert!(breaker.is_open());
        assert_eq!(breaker.failed(), Advice::Nothing);
        breaker.cleared();
        assert!(breaker.is_open(), "a late answer to an old probe does not close it");
    }

    #[test]
    fn recovery_closes_it_and_tells_for_how_long_it_was_open() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.confirmed(now);
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
