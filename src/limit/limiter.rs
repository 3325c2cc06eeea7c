//! A limiter: its limits, whom it refused lately, and what it does without the server.

use super::decision::{Decision, Verdict};
use super::hit::{Demand, Hit};
use super::refusals::Refusals;
use super::rule::Rule;
use super::subject::Subject;
use super::together::Rules;
use crate::clock;
use crate::error::Result;
use crate::process::PerProcess;
use crate::stats::{LimitCounts, Stats};
use crate::store::{Memory, Usage};
use crate::wait::PlainWaiter;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A server that failed is said to be back when it has not failed for so long: one that fails now and then is one state.
const STEADY_MS: u64 = 1000;
/// What a refusal by [`OnError::Deny`] asks to wait: a server that is away is looked for once a second.
const DENIED_US: u64 = 1_000_000;

/// What is decided when the server cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Count in this process.
    Memory,
    /// Let everybody through.
    Allow,
    /// Let nobody through.
    Deny,
    /// Raise.
    Raise,
}

impl OnError {
    /// As users call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Raise => "raise",
        }
    }
}

/// How a limiter behaves.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What is decided without the server.
    pub on_error: OnError,
    /// Processes that share the limits while each counts for itself.
    pub workers: u64,
    /// For how long a refusal is repeated without asking again, at most.
    pub max_staleness: Duration,
    /// Bound of what is counted in this process while the server is away.
    pub max_bytes: usize,
}

/// A change of state, for one line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From now on decisions are made without the server.
    Away,
    /// It decides again, after so long.
    Back(Duration),
}

/// Limits, and what this process knows of those whom they limit.
pub struct Limiter {
    rules: Rules,
    /// The rules while each process counts for itself.
    shares: Rules,
    options: Options,
    local: PerProcess<Local>,
}

/// What one process holds.
struct Local {
    refusals: Mutex<Option<Refusals>>,
    fallback: OnceLock<Memory>,
    counts: OnceLock<Box<[Arc<LimitCounts>]>>,
    away: Away,
}

impl Limiter {
    /// Limits of these rules.
    #[must_use]
    pub fn new(rules: Vec<Rule>, options: Options) -> Self {
        let shares = rules.iter().map(|rule| rule.shared_by(options.workers)).collect::<Vec<_>>();
        let local = PerProcess::new(|| Local {
            refusals: Mutex::new(None),
            fallback: OnceLock::new(),
            counts: OnceLock::new(),
            away: Away::default(),
        });
        Self { rules: Rules::new(rules), shares: Rules::new(shares), options, local }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<[Rule]> {
        &self.rules.apart
    }

    /// The keys of what was counted of somebody, before the cache's prefix: of each limit that he is counted on, or one for all.
    #[must_use]
    pub fn keys(&self, subject: &Subject) -> SmallVec<[String; 1]> {
        self.rules.keys(subject)
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The refusal of somebody who was refused lately; counted.
    pub fn refused(&self, stats: &Stats, subject: &Subject, cost: u64) -> Option<Decision> {
        let local = self.local.get();
        let found = local.refusals.lock().as_mut()?.find(subject.bytes(), cost, clock::now_ms())?;
        for verdict in found.verdicts.iter().filter(|verdict| !verdict.allowed) {
            let counts = &self.counts(stats)[verdict.rule];
            counts.refused.one();
            counts.refused_locally.one();
        }
        Some(found)
    }

    /// The operation that asks the server.
    #[must_use]
    pub fn hit(&self, demand: Demand) -> Hit {
        let rules = self.rules.for_keys(demand.keys.len(), demand.places.len());
        Hit::new(Arc::clone(rules), demand)
    }

    /// Takes what the server decided about a call that was sent at `sent_at`, in milliseconds of the process's clock.
    ///
    /// `repeats` says that a refusal may be repeated without asking again.
    pub fn decided(&self, stats: &Stats, call: &Asked<'_>, decision: &Decision, repeats: bool) -> Option<Change> {
        let local = self.local.get();
        if call.counts {
            self.count(stats, decision, false);
        }
        // Who keeps trying is to be counted by the server.
        let punishes = decision.violated().any(|rule| rule.punishes);
        if repeats && call.counts && !decision.is_allowed() && !punishes {
            let now = clock::now_ms();
            let longest = u64::try_from(self.options.max_staleness.as_millis()).unwrap_or(u64::MAX);
            let mut refusals = local.refusals.lock();
            let refusals = refusals.get_or_insert_with(Refusals::new);
            refusals.keep(call.subject.bytes(), call.cost, decision, call.sent_at, now, longest);
        }
        if local.away.is_away() { local.away.answered(clock::now_ms()).map(Change::Back) } else { None }
    }

    /// Decides without the server.
    ///
    /// # Errors
    /// The store of this process refused.
    pub fn decide_alone(&self, stats: &Stats, demand: Demand) -> Result<(Decision, Option<Change>)> {
        let local = self.local.get();
        let change = local.away.failed(clock::now_ms()).then_some(Change::Away);
        let counts = demand.counts;
        let decision = match self.options.on_error {
            OnError::Allow => self.same_for_all(&demand.places, true),
            OnError::Deny | OnError::Raise => self.same_for_all(&demand.places, false),
            OnError::Memory => {
                let fallback = local.fallback.get_or_init(|| Memory::new(self.options.max_bytes));
                let rules = self.shares.for_keys(demand.keys.len(), demand.places.len());
                fallback.run(&mut Hit::new(Arc::clone(rules), demand), &PlainWaiter)?
            }
        };
        if counts {
            self.count(stats, &decision, true);
        }
        Ok((decision, change))
    }

    fn same_for_all(&self, places: &[usize], allowed: bool) -> Decision {
        let rules = &self.rules.apart;
        let verdict = |rule: &usize| Verdict {
            rule: *rule,
            allowed,
            remaining: if allowed { rules[*rule].count } else { 0 },
            reset: if allowed { 0 } else { DENIED_US },
            retry: Some(DENIED_US),
        };
        Decision::new(Arc::clone(rules), places.iter().map(verdict).collect(), clock::now_us())
            .expect("a demand names a limit at least, which is looked after where it is made")
    }

    /// Forgets in this process what was counted of somebody; `keys` are those of his states.
    pub fn forget(&self, subject: &Subject, keys: &[crate::keys::FullKey]) {
        let local = self.local.get();
        if let Some(refusals) = local.refusals.lock().as_mut() {
            refusals.forget(subject.bytes());
        }
        if let Some(fallback) = local.fallback.get() {
            fallback.forget(keys);
        }
    }

    /// Counts by limit, in the order of the rules.
    pub fn counts(&self, stats: &Stats) -> &[Arc<LimitCounts>] {
        let make = || self.rules.apart.iter().map(|rule| stats.limits.of(&rule.name)).collect();
        self.local.get().counts.get_or_init(make)
    }

    fn count(&self, stats: &Stats, decision: &Decision, alone: bool) {
        let counts = self.counts(stats);
        for verdict in &decision.verdicts {
            let counts = &counts[verdict.rule];
            if decision.is_allowed() {
                counts.allowed.one();
            } else if !verdict.allowed {
                counts.refused.one();
            }
            if alone {
                counts.without_server.one();
            }
        }
    }

    /// How many refusals are remembered.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.local.get().refusals.lock().as_ref().map_or(0, Refusals::len)
    }

    /// What this process counts by itself, if it ever did.
    #[must_use]
    pub fn fallback(&self) -> Option<Usage> {
        self.local.get().fallback.get().map(Memory::usage)
    }
}

/// A call that the server was asked about.
pub struct Asked<'a> {
    /// Who is limited.
    pub subject: &'a Subject,
    /// Requests it counts as.
    pub cost: u64,
    /// Whether it was to be counted.
    pub counts: bool,
    /// When it was sent, in milliseconds of the process's clock.
    pub sent_at: u64,
}

/// Whether the server is away, as the log has it.
#[derive(Default)]
struct Away {
    /// When it began, in milliseconds; 0: it is not.
    since: AtomicU64,
    /// When a call failed last.
    last: AtomicU64,
}

impl Away {
    /// A call failed; true when that is news.
    fn failed(&self, now: u64) -> bool {
        self.last.store(now, Ordering::Relaxed);
        self.since.compare_exchange(0, now.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn is_away(&self) -> bool {
        self.since.load(Ordering::Relaxed) != 0
    }

    /// The server answered; for how long it was away, when that is news.
    fn answered(&self, now: u64) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed);
        if since == 0 || now.saturating_sub(self.last.load(Ordering::Relaxed)) < STEADY_MS {
            return None;
        }
        let ended = self.since.compare_exchange(since, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        ended.then(|| Duration::from_millis(now.saturating_sub(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_now_and_then_is_one_change_of_state() {
        let away = Away::default();
        assert_eq!(away.answered(5), None);
        assert!(away.failed(10) && !away.failed(20));
        assert_eq!(away.answered(500), None);
        assert!(!away.failed(600));
        assert_eq!(away.answered(1599), None);
        assert_eq!(away.answered(1600), Some(Duration::from_millis(1590)));
        assert_eq!(away.answered(1601), None);
        assert!(away.failed(1700));
    }
}
