//! What each algorithm promises, on a clock that the tests move.

use super::{
    Algorithm, Call, Judgement, MOST_REQUESTS, Parsed, Rule, fixed_window, gcra, numbers, once, sliding_log,
    sliding_window,
};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

const START: u64 = 1_700_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Fixed,
    Sliding,
    Log,
    Gcra,
    Once,
}

/// What stands without an end.
const FOR_EVER: u64 = u64::MAX;

const KINDS: [Kind; 5] = [Kind::Fixed, Kind::Sliding, Kind::Log, Kind::Gcra, Kind::Once];

impl Kind {
    /// By how much later than it says a limit is free again: keys live for whole milliseconds.
    fn slack(self) -> u64 {
        if self == Self::Once { 2000 } else { 0 }
    }
}

/// One limit on one subject, and what is stored of it.
struct Counter {
    kind: Kind,
    limit: u64,
    window: u64,
    punishes: bool,
    now: u64,
    state: Option<Vec<u8>>,
    /// When the server forgets the state, in milliseconds.
    expires_at: u64,
}

impl Counter {
    fn new(kind: Kind, limit: u64, window: u64) -> Self {
        let limit = if kind == Kind::Once { 1 } else { limit };
        Self { kind, limit, window, punishes: false, now: START, state: None, expires_at: 0 }
    }

    fn judge(&self, cost: u64, counts: bool) -> Judgement {
        let Self { limit, window, punishes, now, .. } = *self;
        let call = Call { now, limit, window, cost, punishes, counts };
        let left = self.expires_at.saturating_sub(now / 1000);
        let state = self.state.as_deref().filter(|_| left > 0);
        let left = if self.expires_at == FOR_EVER { None } else { Some(left) };
        match self.kind {
            Kind::Fixed => fixed_window::judge(state, call),
            Kind::Sliding => sliding_window::judge(state, call),
            Kind::Log => sliding_log::judge(state, call),
            Kind::Gcra => gcra::judge(state, call, limit),
            Kind::Once => once::judge(state.map(|state| (state, left)), call),
        }
    }

    fn hit(&mut self, cost: u64) -> Judgement {
        let mut judgement = self.judge(cost, true);
        if let Some(state) = judgement.state.take().or(judgement.mended.take()) {
            self.state = Some(state.to_vec());
            self.expires_at = self.now / 1000 + self.lifetime();
        }
        judgement
    }

    fn lifetime(&self) -> u64 {
        if self.kind == Kind::Once { once::lifetime(self.window) } else { 2 * self.window.div_ceil(1000) + 1000 }
    }

    fn allowed(&mut self) -> bool {
        self.hit(1).allowed
    }

    /// How many calls fit now, one after the other.
    fn fill(&mut self) -> u64 {
        let mut count = 0;
        while self.allowed() {
            count += 1;
        }
        count
    }
}

/// What a caller does: waits so many microseconds, then calls at this cost.
fn calls(longest_wait: u64, highest_cost: u64) -> impl Strategy<Value = Vec<(u64, u64)>> {
    // In bursts: every second wait is none.
    let wait = prop_oneof![Just(0), 0..longest_wait];
    prop::collection::vec((wait, 1..=highest_cost), 1..200)
}

/// A number of requests, of every size.
fn requests() -> impl Strategy<Value = u64> {
    prop_oneof![1..20_u64, 1..10_000_u64, 1..=MOST_REQUESTS]
}

/// A limit's time in microseconds, of every size.
fn time() -> impl Strategy<Value = u64> {
    const LONGEST: u64 = 366 * 86_400_000_000;
    prop_oneof![1000..1_000_000_u64, 1_000_000..86_400_000_000_u64, 1000..=LONGEST]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS[..])
}

proptest! {
    #[test]
    fn what_is_refused_is_allowed_after_the_time_it_was_told_and_not_before(
        kind in kind(), limit in 1..20_u64, window in 1..50_000_u64, calls in calls(20_000, 4)
    ) {
        let mut counter = Counter::new(kind, limit, window);
        for (wait, cost) in calls {
            counter.now += wait;
            let judgement = counter.hit(cost);
            if judgement.allowed {
                continue;
            }
            let Some(retry) = judgement.retry else {
                prop_assert!(cost > counter.limit);
                continue;
            };
            prop_assert!(retry > 0);
            let now = counter.now;
            counter.now = now + retry + kind.slack();
            prop_assert!(counter.judge(cost, true).allowed, "{kind:?} after {retry}");
            if kind != Kind::Once {
                counter.now = now + retry - 1;
                prop_assert!(!counter.judge(cost, true).allowed, "{kind:?} before {retry}");
            }
            counter.now = now;
        }
    }

    #[test]
    fn all_of_a_limit_is_there_again_after_the_time_it_was_told(
        kind in kind(), limit in 1..20_u64, window in 1000..50_000_u64, calls in calls(20_000, 4)
    ) {
        let mut counter = Counter::new(kind, limit, window);
        for (wait, cost) in calls {
            counter.now += wait;
            let judgement = counter.hit(cost);
            let standing = if judgement.allowed { judgement.after } else { judgement.before };
            let now = counter.now;
            counter.now = now + standing.reset + kind.slack();
            let later = counter.judge(1, true).before;
            prop_assert_eq!((later.remaining, later.reset), (counter.limit, 0));
            counter.now = now;
        }
    }

    #[test]
    fn what_remains_is_what_fits(
        kind in kind(), limit in 1..20_u64, window in 1..50_000_u64, calls in calls(20_000, 4)
    ) {
        let mut counter = Counter::new(kind, limit, window);
        for (wait, cost) in calls {
            counter.now += wait;
            let judgement = counter.hit(cost);
            let left = if judgement.allowed { judgement.after } else { judgement.before }.remaining;
            prop_assert!(kind == Kind::Once || left == 0 || counter.judge(left, true).allowed);
            prop_assert!(!counter.judge(left + 1, true).allowed);
        }
    }

    #[test]
    fn a_log_and_a_fixed_window_never_allow_more_than_the_limit_in_a_window_of_theirs(
        limit in 1..20_u64, window in 1..50_000_u64, calls in calls(20_000, 4)
    ) {
        for kind in [Kind::Fixed, Kind::Log] {
            let mut counter = Counter::new(kind, limit, window);
            let mut spent = VecDeque::new();
            for (wait, cost) in &calls {
                counter.now += wait;
                if kind == Kind::Log || spent.front().is_some_and(|(first, _)| first + window <= counter.now) {
                    let now = counter.now;
                    spent.retain(|(at, _)| kind == Kind::Log && at + window > now);
                }
                let before: u64 = spent.iter().map(|(_, cost)| cost).sum();
                let allowed = counter.hit(*cost).allowed;
                prop_assert_eq!(allowed, before + cost <= limit);
                if allowed {
                    spent.push_back((counter.now, *cost));
                }
            }
        }
    }

    /// The bound that `docs/features/limits.md` states for the sliding window.
    #[test]
    fn a_sliding_window_errs_by_no_more_than_it_says(
        limit in 1..20_u64, window in 1..50_000_u64, calls in calls(30_000, 4)
    ) {
        let mut counter = Counter::new(Kind::Sliding, limit, window);
        let mut spent: Vec<(u64, u64)> = Vec::new();
        for (wait, cost) in calls {
            counter.now += wait;
            let now = counter.now;
            let in_span = |length: u64| -> u64 {
                spent.iter().filter(|(at, _)| at + length > now).map(|(_, cost)| cost).sum()
            };
            let exact = in_span(window);
            let allowed = counter.hit(cost).allowed;
            if !allowed {
                // It refuses what an exact log would allow only on account of calls of less than two windows ago.
                prop_assert!(in_span(2 * window) + cost > limit);
                continue;
            }
            spent.push((now, cost));
            // Never twice the limit in any span of a window; in a shorter one, the limit and what leaves meanwhile.
            prop_assert!(exact + cost < 2 * limit || limit == 1 && exact + cost <= 2);
            for part in 1..=4 {
                let length = window * part / 4;
                let spent: u64 = spent.iter().filter(|(at, _)| at + length > now).map(|(_, cost)| cost).sum();
                prop_assert!(spent * 4 <= limit * (4 + part) + 4);
            }
        }
    }

    /// As `docs/features/limits.md` states it: a burst, and what the pace lets through beside it.
    #[test]
    fn a_pace_allows_a_burst_and_what_it_lets_through_meanwhile(
        limit in 1..20_u64, window in 1000..50_000_u64, calls in calls(20_000, 4)
    ) {
        let mut counter = Counter::new(Kind::Gcra, limit, window);
        let mut spent: Vec<(u64, u64)> = Vec::new();
        let interval = window.div_ceil(limit);
        for (wait, cost) in calls {
            counter.now += wait;
            if !counter.hit(cost).allowed {
                continue;
            }
            spent.push((counter.now, cost));
            let mut sum = 0;
            for (at, cost) in spent.iter().rev() {
                sum += cost;
                prop_assert!(sum <= limit + (counter.now - at) / interval);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_locks_nobody_out_and_lets_nobody_in_for_ever(
        kind in kind(), limit in 1..20_u64, window in 20_000..50_000_u64, calls in calls(20_000, 4), back in any::<bool>()
    ) {
        const HOUR: u64 = 3_600_000_000;
        let mut counter = Counter::new(kind, limit, window);
        for (wait, cost) in calls {
            counter.now += wait;
            counter.hit(cost);
        }
        if back {
            counter.now -= HOUR;
        } else {
            counter.now += HOUR;
        }
        let mut let_in = counter.fill();
        prop_assert!(let_in <= counter.limit);
        for _ in 0..8 {
            counter.now += window.div_ceil(4) + kind.slack();
            let_in += counter.fill();
        }
        prop_assert!((counter.limit..=3 * counter.limit + 1).contains(&let_in), "{kind:?}: {let_in}");
    }

    #[test]
    fn refused_calls_that_count_keep_a_caller_out_until_he_pauses(
        limit in 1..10_u64, window in 1000..50_000_u64, waits in prop::collection::vec(0..20_000_u64, 1..100)
    ) {
        let mut counter = Counter { punishes: true, ..Counter::new(Kind::Log, limit, window) };
        let mut all: Vec<u64> = Vec::new();
        for wait in waits {
            counter.now += wait;
            let live = all.iter().filter(|at| *at + window > counter.now).count() as u64;
            let judgement = counter.hit(1);
            all.push(counter.now);
            prop_assert_eq!(judgement.allowed, live < limit);
            prop_assert!(counter.state.as_ref().is_some_and(|log| log.len() as u64 <= 8 * limit));
            if !judgement.allowed {
                let (now, retry) = (counter.now, judgement.retry.expect("waiting helps"));
                counter.now = now + retry;
                prop_assert!(counter.judge(1, true).allowed);
                counter.now = now + retry - 1;
                prop_assert!(!counter.judge(1, true).allowed);
                counter.now = now;
            }
        }
    }

    #[test]
    fn of_every_burst_that_a_limit_takes_the_numbers_are_exact_and_the_state_is_read_again(
        count in requests(), window in time(), burst in requests(), cost in requests(), ahead in 0..100 * 31_557_600_000_000_u64
    ) {
        let parsed = Parsed { count, window: Duration::from_micros(window) };
        let whole = |number: u64| u128::from(number);
        let tolerance = whole(burst) * whole(window.div_ceil(count));
        let Ok(rule) = Rule::new(parsed, None, Some(burst), Algorithm::Gcra) else {
            // Too fast a pace, or more than ten years to come back.
            prop_assert!(window < count || tolerance > whole(10 * 366 * 86_400_000_000));
            return Ok(());
        };
        prop_assert_eq!(whole(rule.lifetime()), tolerance.div_ceil(1000) + 1000);
        for workers in [1, 3, 1000] {
            // A hundred years from now, at most.
            let (rule, now) = (rule.shared_by(workers), START + ahead);
            let interval = whole(rule.window.div_ceil(rule.count));
            let call = |cost| Call { now, limit: rule.count, window: rule.window, cost, punishes: false, counts: true };
            let judgement = gcra::judge(None, call(cost), rule.burst);
            prop_assert_eq!(judgement.allowed, cost <= rule.burst);
            let all = gcra::judge(None, call(rule.burst), rule.burst);
            prop_assert_eq!(whole(all.after.reset), whole(rule.burst) * interval);
            let state = all.state.expect("it was allowed");
            prop_assert_eq!(numbers(Some(&state)), Some([now + all.after.reset]));
            let next = gcra::judge(Some(&state), call(1), rule.burst);
            prop_assert_eq!((next.allowed, next.before.remaining), (false, 0));
            prop_assert_eq!(next.retry.map(whole), Some(interval));
        }
    }

    #[test]
    fn whatever_stands_in_the_place_of_a_state_is_no_obstacle(
        kind in kind(), state in prop::collection::vec(any::<u8>(), 0..80)
    ) {
        let mut counter = Counter::new(kind, 5, 60_000_000);
        counter.state = Some(state);
        counter.expires_at = FOR_EVER;
        counter.fill();
        counter.now += 2 * 60_000_000;
        prop_assert_eq!(counter.fill(), counter.limit);
    }
}

#[test]
fn a_call_that_is_not_counted_leaves_nothing() {
    for kind in KINDS {
        let mut counter = Counter::new(kind, 3, 60_000_000);
        let judgement = counter.judge(1, false);
        assert!(judgement.allowed && judgement.before.remaining == counter.limit && judgement.before.reset == 0);
        assert_eq!(counter.fill(), counter.limit);
        assert_eq!(counter.judge(1, false).before.remaining, 0);
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    const MOST: u64 = 1_000_000_000;
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Log) {
        let mut counter = Counter::new(kind, MOST, 366 * 86_400_000_000);
        assert_eq!(counter.hit(MOST).allowed, kind != Kind::Once, "{kind:?}");
        counter.now += 1;
        assert!(!counter.hit(MOST).allowed || kind == Kind::Once);
        assert!(counter.hit(1).retry.is_some());
    }
}
