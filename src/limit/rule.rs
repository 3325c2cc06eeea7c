//! A limit: so many requests in so long a time, by which algorithm.

use super::once;
use super::packed::{Packed, Place};
use super::subject;
use super::text::Parsed;
use crate::error::{Error, Result};
use std::sync::Arc;
use std::time::Duration;

/// How requests are counted. In the order of the functions in `close.lua`: first those that have a string as state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Windows one after the other, each begun by a request.
    FixedWindow,
    /// Two such windows, the former weighed.
    SlidingWindow,
    /// An even pace, with a burst.
    Gcra,
    /// The time of every request.
    SlidingLog,
    /// One request per window, on a key that old code may have set.
    Once,
}

impl Algorithm {
    const NAMES: [(&'static str, Self); 5] = [
        ("fixed_window", Self::FixedWindow),
        ("sliding_window", Self::SlidingWindow),
        ("gcra", Self::Gcra),
        ("sliding_log", Self::SlidingLog),
        ("once", Self::Once),
    ];

    /// By its name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, algorithm)| *algorithm).ok_or_else(|| {
            Error::Config(format!(
                "unknown algorithm '{name:.100}'; use 'fixed_window', 'sliding_window', 'sliding_log', 'gcra' or 'once'"
            ))
        })
    }

    /// As users call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }

    /// Bytes of its state, where that is a string of always as many.
    pub(super) fn state_bytes(self) -> Option<u16> {
        match self {
            Self::FixedWindow => Some(16),
            Self::SlidingWindow => Some(24),
            Self::Gcra => Some(8),
            Self::SlidingLog | Self::Once => None,
        }
    }

    /// As the script calls it: its place among the functions there, from 1.
    pub(super) fn number(self) -> u8 {
        self as u8 + 1
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        let place = usize::from(number).checked_sub(1)?;
        Self::NAMES.get(place).map(|(_, algorithm)| *algorithm)
    }
}

/// Most requests of a limit, and of a call: sums of them stay far from every overflow.
pub const MOST_REQUESTS: u64 = 1_000_000_000;
/// A megabyte of the server's memory for each subject.
const LARGEST_LOG: u64 = 100_000;
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// In microseconds: a burst whose requests take longer than that to come back is no burst. And the state, a time that lies so
/// far ahead at most, stays below 2^53, from where Lua's numbers are no longer whole, whatever a clock is set to.
const LONGEST_BURST: u64 = 10 * 366 * 86_400_000_000;
const LONGEST_NAME: usize = 64;

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it is called in decisions, statistics and keys.
    pub name: Arc<str>,
    /// Requests in a window.
    pub count: u64,
    /// The window, in microseconds.
    pub window: u64,
    /// Requests at once, of [`Algorithm::Gcra`].
    pub burst: u64,
    /// How they are counted.
    pub algorithm: Algorithm,
    /// Whether refused calls count too: who keeps trying stays refused.
    pub(super) punishes: bool,
    /// What its keys end in.
    pub(super) tail: Box<str>,
    packed: Box<[u8]>,
}

impl Rule {
    /// A limit of a number of requests in a time.
    ///
    /// # Errors
    /// A part that cannot be meant; the message names it.
    pub fn new(parsed: Parsed, name: Option<&str>, burst: Option<u64>, algorithm: Algorithm) -> Result<Self> {
        let Parsed { count, window } = parsed;
        let wrong = |message: String| Err(Error::Config(message));
        if !(1..=MOST_REQUESTS).contains(&count) {
            return wrong(format!("a limit must allow 1 to {MOST_REQUESTS} requests, not {count}"));
        }
        if window < Duration::from_millis(1) || window > LONGEST {
            return wrong(format!("a limit's time must be from 1 ms to 366 days, not {} s", window.as_secs_f64()));
        }
        let micros = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let name = name.map_or_else(|| parsed.to_string(), str::to_owned);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
            return wrong(format!(
                "a limit's name must be 1 to {LONGEST_NAME} letters, digits and signs of ASCII without spaces, '\"', '\\', \
                 '{{' and '}}', not '{name:.100}'"
            ));
        }
        match algorithm {
            Algorithm::Gcra if micros < count => {
                return wrong(format!(
                    "'gcra' counts in whole microseconds: {parsed} is more than one request in each"
                ));
            }
            Algorithm::Once if count != 1 => {
                return wrong(format!("'once' allows one request in a window, not {count}; write it as '1/minute'"));
            }
            Algorithm::SlidingLog if count > LARGEST_LOG => {
                return wrong(format!(
                    "'sliding_log' remembers every request: at most {LARGEST_LOG}, not {count}; use 'sliding_window' or 'gcra'"
                ));
            }
            Algorithm::Gcra => {}
            _ if burst.is_some() => {
                return wrong(format!("'burst' belongs to algorithm 'gcra'; '{}' has none", algorithm.name()));
            }
            _ => {}
        }
        let burst = burst.unwrap_or(count);
        if !(1..=MOST_REQUESTS).contains(&burst) {
            return wrong(format!("'burst' must be 1 to {MOST_REQUESTS} requests, not {burst}"));
        }
        let largest = LONGEST_BURST / micros.div_ceil(count);
        if algorithm == Algorithm::Gcra && burst > largest {
            return wrong(format!(
                "'burst' of {parsed} may be at most {largest} requests, not {burst}: all of them must be there again within 10 \
                 years"
            ));
        }
        let tail = subject::tail(&name, algorithm, micros);
        let (name, packed) = (name.into(), Box::default());
        Ok(Self { name, count, window: micros, burst, algorithm, punishes: false, tail, packed }.pack())
    }

    /// The limit as the script reads it.
    #[must_use]
    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// Packed, with its state at a key of its own.
    fn pack(self) -> Self {
        let (length, lifetime) = (self.algorithm.state_bytes().unwrap_or(0), self.lifetime());
        self.placed(Place { at: 0, length, lifetime })
    }

    /// The same, with its state at this place.
    #[must_use]
    pub(super) fn placed(self, place: Place) -> Self {
        let extra = if self.algorithm == Algorithm::Gcra { self.burst } else { u64::from(self.punishes) };
        let numbers = [self.count, self.window, extra];
        let packed = Packed { algorithm: self.algorithm, place, numbers }.to_bytes();
        Self { packed, ..self }
    }

    /// The same, with refused calls counted too or not.
    #[must_use]
    pub fn punishing(self, punishes: bool) -> Self {
        Self { punishes, ..self }.pack()
    }

    /// How long a state is kept, in milliseconds: longer than it matters, except where the key itself is the state.
    pub(super) fn lifetime(&self) -> u64 {
        const RESERVE: u64 = 1000;
        match self.algorithm {
            Algorithm::FixedWindow | Algorithm::SlidingLog => self.window.div_ceil(1000) + RESERVE,
            Algorithm::SlidingWindow => (2 * self.window).div_ceil(1000) + RESERVE,
            Algorithm::Gcra => (self.burst * self.window.div_ceil(self.count)).div_ceil(1000) + RESERVE,
            Algorithm::Once => once::lifetime(self.window),
        }
    }

    /// The share of one of so many workers that count each for itself; at least one request.
    #[must_use]
    pub fn shared_by(&self, workers: u64) -> Self {
        let share = |requests: u64| (requests / workers.max(1)).max(1);
        Self { count: share(self.count), burst: share(self.burst), ..self.clone() }.pack()
    }
}

/// Names stand in keys, in labels and in quoted strings of HTTP.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'{' | b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, burst: Option<u64>, algorithm: Algorithm) -> Result<Rule> {
        Rule::new(text.parse()?, None, burst, algorithm)
    }

    #[test]
    fn a_limit_that_cannot_be_meant_is_refused_by_name() {
        for (made, part) in [
            (rule("0/s", None, Algorithm::FixedWindow), "requests, not 0"),
            (rule("2/s", None, Algorithm::Once), "'once' allows one"),
            (rule("2/s", Some(3), Algorithm::SlidingLog), "'burst' belongs to"),
            (rule("2/s", Some(0), Algorithm::Gcra), "'burst' must be 1"),
            (rule("1/day", Some(MOST_REQUESTS), Algorithm::Gcra), "at most 3660 requests, not 1000000000"),
            (rule("1/day", Some(3661), Algorithm::Gcra), "at most 3660"),
            (rule("100001/d", None, Algorithm::SlidingLog), "at most 100000"),
            (rule("2000000/s", None, Algorithm::Gcra), "whole microseconds"),
            (rule("1/400d", None, Algorithm::FixedWindow), "366 days"),
        ] {
            let message = made.expect_err(part).to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_largest_burst_is_that_of_ten_years_and_a_limits_own_is_always_allowed() {
        rule("1/day", Some(3660), Algorithm::Gcra).expect("it is the largest");
        rule("1000/s", Some(MOST_REQUESTS), Algorithm::Gcra).expect("it comes back in 12 days");
        for text in ["1/366d", "1000000000/366d", "999999999/366d", "1000/s"] {
            rule(text, None, Algorithm::Gcra).expect(text);
        }
    }

    #[test]
    fn a_share_is_never_nothing() {
        let whole = rule("10/s", Some(20), Algorithm::Gcra).expect("it is a limit");
        assert_eq!((whole.shared_by(4).count, whole.shared_by(4).burst), (2, 5));
        assert_eq!((whole.shared_by(100).count, whole.shared_by(0).count), (1, 10));
    }

    #[test]
    fn algorithms_are_found_by_the_names_they_have() {
        for (name, algorithm) in Algorithm::NAMES {
            assert_eq!((Algorithm::named(name), algorithm.name()), (Ok(algorithm), name));
            assert_eq!(Algorithm::numbered(algorithm.number()), Some(algorithm));
        }
        assert!(Algorithm::named("token_bucket").is_err());
    }
}
