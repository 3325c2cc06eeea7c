//! Who was refused lately: he is refused again from here, until the server would let him in, or a short time has passed.

use super::decision::Decision;
use quick_cache::unsync::Cache;

/// Subjects that are remembered, at most; what was used least lately goes first. Some 5 MB when all are of usual length.
const MOST: usize = 10_000;
/// Longer names are asked for at the server every time.
const LONGEST: usize = 1024;

struct Refusal {
    decision: Decision,
    cost: u64,
    /// Milliseconds of the process's clock: until when it is refused from here, and when the answer came.
    until: u64,
    came_at: u64,
}

/// The refusals of one limiter in one process.
pub(super) struct Refusals(Cache<Box<[u8]>, Refusal>);

impl Refusals {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }

    /// The refusal of a call of this cost, as it would be now.
    pub(super) fn find(&mut self, subject: &[u8], cost: u64, now: u64) -> Option<Decision> {
        let refusal = self.0.get(subject)?;
        if now >= refusal.until {
            self.0.remove(subject);
            return None;
        }
        // A smaller call may fit, and a larger one has longer to wait.
        (cost == refusal.cost).then(|| refusal.decision.later(now.saturating_sub(refusal.came_at) * 1000))
    }

    /// Remembers a refusal that was asked for at `sent_at`, for `longest` milliseconds at most.
    ///
    /// The server judged after that moment, so what ends counted from it never ends too late.
    pub(super) fn keep(
        &mut self,
        subject: &[u8],
        cost: u64,
        decision: &Decision,
        sent_at: u64,
        now: u64,
        longest: u64,
    ) {
        let wait = decision.wait().map_or(u64::MAX, |wait| wait / 1000).min(longest);
        let until = sent_at.saturating_add(wait);
        if until > now && subject.len() <= LONGEST {
            self.0.insert(subject.into(), Refusal { decision: decision.clone(), cost, until, came_at: now });
        }
    }

    /// Forgets one.
    pub(super) fn forget(&mut self, subject: &[u8]) {
        self.0.remove(subject);
    }

    /// How many there are, with those whose time is up and that nobody has met since.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{Algorithm, Rule, Verdict};
    use smallvec::smallvec;

    fn refusal(retry: Option<u64>) -> Decision {
        let rule = Rule::new("1/s".parse().expect("it is a limit"), None, None, Algorithm::FixedWindow);
        let verdict = Verdict { rule: 0, allowed: false, remaining: 0, reset: 900_000, retry };
        Decision::new([rule.expect("it is a limit")].into(), smallvec![verdict], 0).expect("there is a verdict")
    }

    #[test]
    fn a_refusal_ends_when_the_server_would_end_it_or_sooner() {
        let mut refusals = Refusals::new();
        refusals.keep(b"a", 1, &refusal(Some(500_000)), 1_000, 1_020, 1_000);
        assert_eq!(refusals.find(b"a", 1, 1_400).and_then(|decision| decision.wait()), Some(120_000));
        assert!(refusals.find(b"a", 1, 1_500).is_none() && refusals.len() == 0);
        refusals.keep(b"a", 1, &refusal(Some(5_000_000)), 1_000, 1_020, 1_000);
        assert!(refusals.find(b"a", 1, 1_999).is_some() && refusals.find(b"a", 1, 2_000).is_none());
        refusals.keep(b"a", 1, &refusal(None), 1_000, 1_020, 1_000);
        assert_eq!(refusals.find(b"a", 1, 1_999).map(|decision| decision.wait()), Some(None));
    }

    #[test]
    fn what_is_over_before_it_came_is_not_kept() {
        let mut refusals = Refusals::new();
        refusals.keep(b"a", 1, &refusal(Some(999)), 1_000, 1_001, 1_000);
        refusals.keep(b"b", 1, &refusal(Some(500_000)), 1_000, 1_500, 1_000);
        refusals.keep(b"c", 1, &refusal(Some(500_000)), 1_000, 1_001, 0);
        refusals.keep(&[b'x'; 2000], 1, &refusal(Some(500_000)), 1_000, 1_001, 1_000);
        assert_eq!(refusals.len(), 0);
    }

    #[test]
    fn a_call_of_another_cost_is_not_refused_and_neither_is_another_subject() {
        let mut refusals = Refusals::new();
        refusals.keep(b"a", 3, &refusal(Some(500_000)), 0, 0, 1_000);
        assert!(refusals.find(b"a", 2, 1).is_none() && refusals.find(b"a", 4, 1).is_none());
        assert!(refusals.find(b"b", 3, 1).is_none() && refusals.find(b"a", 3, 1).is_some());
        refusals.forget(b"a");
        assert!(refusals.find(b"a", 3, 1).is_none());
    }

    #[test]
    fn the_number_of_refusals_is_bounded() {
        let mut refusals = Refusals::new();
        for number in 0..5 * MOST as u64 {
            refusals.keep(&number.to_le_bytes(), 1, &refusal(Some(500_000)), 0, 0, 1_000);
        }
        assert!(refusals.len() <= MOST && refusals.len() > MOST / 2, "{}", refusals.len());
    }
}
