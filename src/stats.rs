//! Atomic counters inside, a snapshot outside.

use crate::error::{Error, Refusal};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the latency histogram, in microseconds; a last bucket takes the rest.
pub const LATENCY_BOUNDS_US: [u64; 16] =
    [10, 20, 30, 50, 75, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000, 1_000_000];

/// Kinds of failures that are counted apart, in the order of [`Stats::errors`].
pub const ERROR_KINDS: [&str; 9] =
    ["connection", "timeout", "unavailable", "state", "authentication", "permission", "command", "protocol", "decode"];

/// A counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    #[inline]
    pub fn one(&self) {
        self.add(1);
    }

    /// `n` more.
    #[inline]
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one cache did in one process.
#[derive(Debug, Default)]
pub struct Stats {
    /// Reads that found a value.
    pub hits: Counter,
    /// Reads that found none, or could not ask.
    pub misses: Counter,
    /// Values stored.
    pub sets: Counter,
    /// Values not stored, because the server was away or refused.
    pub dropped_sets: Counter,
    /// Leases of entries that were given to this process.
    pub leases: Counter,
    /// Entries stored under a lease.
    pub fills: Counter,
    /// Entries not stored, because what they were computed from was forgotten meanwhile, or the lease had run out.
    pub voided_fills: Counter,
    /// Entries not stored, because the server was away or refused.
    pub dropped_fills: Counter,
    /// Keys deleted.
    pub deletes: Counter,
    /// Round trips completed.
    pub round_trips: Counter,
    /// Bytes sent.
    pub bytes_out: Counter,
    /// Bytes received.
    pub bytes_in: Counter,
    /// Connections opened.
    pub connects: Counter,
    /// Second tries after a pooled connection turned out to be dead.
    pub retries: Counter,
    /// Times a caller waited for a free connection.
    pub slot_waits: Counter,
    /// Times the breaker opened.
    pub breaker_opened: Counter,
    /// Invalidations written to the journal.
    pub journaled: Counter,
    /// Invalidations replayed from the journal.
    pub replayed: Counter,
    /// What became of calls that a limit was asked for, by the limit's name.
    pub limits: ByLimit,
    errors: [Counter; ERROR_KINDS.len()],
    latency: [Counter; LATENCY_BOUNDS_US.len() + 1],
    latency_sum_ns: Counter,
}

/// What became of calls that one limit was asked for.
#[derive(Debug, Default)]
pub struct LimitCounts {
    /// Allowed, by this limit and all others of the call.
    pub allowed: Counter,
    /// Refused by this limit.
    pub refused: Counter,
    /// Those of them that were refused here, without asking the server again.
    pub refused_locally: Counter,
    /// Decided without the server, because it was away or refused.
    pub without_server: Counter,
}

/// Counts by the name of a limit. Names come from code; should they ever come from requests, most share one place.
#[derive(Debug, Default)]
pub struct ByLimit(Mutex<Vec<(Arc<str>, Arc<LimitCounts>)>>);

impl ByLimit {
    const MOST_NAMES: usize = 50;
    const REST: &str = "other";

    /// The counts of a limit; after fifty names those of all the rest.
    pub fn of(&self, name: &str) -> Arc<LimitCounts> {
        let mut known = self.0.lock();
        let name = if known.len() < Self::MOST_NAMES || known.iter().any(|(known, _)| &**known == name) {
            name
        } else {
            Self::REST
        };
        if let Some((_, counts)) = known.iter().find(|(known, _)| &**known == name) {
            return Arc::clone(counts);
        }
        let counts = Arc::<LimitCounts>::default();
        known.push((name.into(), Arc::clone(&counts)));
        counts
    }

    /// All there are.
    #[must_use]
    pub fn all(&self) -> Vec<(Arc<str>, Arc<LimitCounts>)> {
        self.0.lock().clone()
    }
}

/// A latency histogram: how many round trips took at most each of [`LATENCY_BOUNDS_US`], not cumulated.
#[derive(Debug, Clone)]
pub struct Latency {
    /// One count per bound, and a last one for the rest.
    pub counts: Vec<u64>,
    /// Sum of all round trips.
    pub sum: Duration,
}

impl Stats {
    /// Counts a failure by its kind.
    pub fn error(&self, error: &Error) {
        let kind = match error {
            Error::Connection { .. } => 0,
            Error::Timeout { .. } => 1,
            Error::Unavailable { .. } => 2,
            Error::Server(error) => match error.refusal() {
                Refusal::State => 3,
                Refusal::Authentication => 4,
                Refusal::Permission => 5,
                Refusal::Command => 6,
            },
            Error::Protocol(_) => 7,
            _ => return,
        };
        self.errors[kind].one();
    }

    /// Counts stored bytes that could not be decoded.
    pub fn decode_error(&self) {
        self.errors[ERROR_KINDS.len() - 1].one();
    }

    /// Counts a completed round trip.
    #[inline]
    pub fn round_trip(&self, took: Duration, bytes_out: usize, bytes_in: usize) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < microseconds);
        self.latency[bucket].one();
        self.latency_sum_ns.add(usize::try_from(took.as_nanos()).unwrap_or(usize::MAX));
        self.round_trips.one();
        self.bytes_out.add(bytes_out);
        self.bytes_in.add(bytes_in);
    }

    /// Failures by kind.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        ERROR_KINDS.into_iter().zip(self.errors.iter().map(Counter::get))
    }

    /// The latency histogram.
    #[must_use]
    pub fn latency(&self) -> Latency {
        Latency {
            counts: self.latency.iter().map(Counter::get).collect(),
            sum: Duration::from_nanos(self.latency_sum_ns.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_lands_in_its_bucket() {
        let stats = Stats::default();
        for microseconds in [1, 10, 11, 2_000_000] {
            stats.round_trip(Duration::from_micros(microseconds), 5, 7);
        }
        let latency = stats.latency();
        assert_eq!((latency.counts[0], latency.counts[1], latency.counts[16]), (2, 1, 1));
        assert_eq!(latency.sum, Duration::from_micros(2_000_022));
        assert_eq!((stats.round_trips.get(), stats.bytes_out.get(), stats.bytes_in.get()), (4, 20, 28));
    }

    #[test]
    fn limits_are_counted_by_their_names_and_too_many_names_together() {
        let limits = ByLimit::default();
        for number in 0..200 {
            limits.of(&format!("limit {number}")).allowed.one();
        }
        limits.of("limit 0").allowed.one();
        let counted: Vec<_> =
            limits.all().iter().map(|(name, counts)| (name.to_string(), counts.allowed.get())).collect();
        assert_eq!(counted.len(), 51);
        assert_eq!(counted[0], ("limit 0".to_owned(), 2));
        assert_eq!(counted[50], ("other".to_owned(), 150));
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let stats = Stats::default();
        stats.error(&Error::Protocol("x".into()));
        stats.error(&Error::MissingKey("not the server's fault".into()));
        stats.decode_error();
        let counted: Vec<_> = stats.errors().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("protocol", 1), ("decode", 1)]);
    }
}
