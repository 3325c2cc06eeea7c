//! What is decided about a call, from what each limit says.

use super::rule::Rule;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::sync::Arc;

/// What one limit says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its place among the limiter's.
    pub rule: usize,
    /// Whether the call fits.
    pub allowed: bool,
    /// Requests that still fit.
    pub remaining: u64,
    /// Microseconds until all of the limit is there again.
    pub reset: u64,
    /// Microseconds after which a call of this cost fits, if it does not now; none when no wait helps.
    pub retry: Option<u64>,
}

impl Verdict {
    /// Microseconds to wait; none when no wait helps.
    fn wait(&self) -> Option<u64> {
        if self.allowed { Some(0) } else { self.retry }
    }
}

/// What is decided.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The limits that the verdicts are of.
    pub rules: Arc<[Rule]>,
    /// One of each limit that was asked, in their order; at least one.
    pub verdicts: SmallVec<[Verdict; 2]>,
    /// When, in microseconds of the clock that counted.
    pub at: u64,
    /// Place, among the verdicts, of the one that speaks for all.
    speaker: usize,
}

impl Decision {
    /// From the verdicts; none when there are none.
    ///
    /// The one that speaks for all is that of the limit which refuses for longest, or else of the one which is closest to
    /// refusing, and of several such of the one which is full again last.
    #[must_use]
    pub fn new(rules: Arc<[Rule]>, verdicts: SmallVec<[Verdict; 2]>, at: u64) -> Option<Self> {
        let weight = |verdict: &Verdict| {
            let wait = verdict.wait().map_or(u64::MAX, |wait| wait.saturating_add(u64::from(!verdict.allowed)));
            (wait, Reverse(verdict.remaining), verdict.reset)
        };
        let speaker = (0..verdicts.len()).max_by_key(|place| (weight(&verdicts[*place]), Reverse(*place)))?;
        Some(Self { rules, verdicts, at, speaker })
    }

    /// Whether the call may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdicts[self.speaker].allowed
    }

    /// The verdict that speaks for all.
    #[must_use]
    pub fn speaker(&self) -> &Verdict {
        &self.verdicts[self.speaker]
    }

    /// Its limit.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rules[self.speaker().rule]
    }

    /// Microseconds to wait before the same call is allowed; 0 if it is now, none when no wait helps.
    #[must_use]
    pub fn wait(&self) -> Option<u64> {
        self.speaker().wait()
    }

    /// The limits that refuse.
    pub fn violated(&self) -> impl Iterator<Item = &Rule> {
        self.verdicts.iter().filter(|verdict| !verdict.allowed).map(|verdict| &self.rules[verdict.rule])
    }

    /// The same, so many microseconds later, if nothing else was counted.
    #[must_use]
    pub fn later(&self, by: u64) -> Self {
        let mut later = self.clone();
        later.at += by;
        for verdict in &mut later.verdicts {
            verdict.reset = verdict.reset.saturating_sub(by);
            verdict.retry = verdict.retry.map(|retry| retry.saturating_sub(by));
        }
        later
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Algorithm;

    const FITS: Verdict = Verdict { rule: 0, allowed: true, remaining: 5, reset: 10, retry: Some(10) };
    const REFUSES: Verdict = Verdict { allowed: false, remaining: 0, ..FITS };

    fn decide(verdicts: &[Verdict]) -> Decision {
        let rule = |count: usize| {
            let parsed = format!("{}/s", count + 1).parse().expect("it is a limit");
            Rule::new(parsed, None, None, Algorithm::FixedWindow).expect("it is a limit")
        };
        let rules = (0..verdicts.len()).map(rule).collect();
        let verdicts = verdicts.iter().enumerate().map(|(rule, verdict)| Verdict { rule, ..*verdict }).collect();
        Decision::new(rules, verdicts, 0).expect("there is a verdict")
    }

    #[test]
    fn the_limit_that_is_closest_to_refusing_speaks_for_all() {
        let close = Verdict { remaining: 2, reset: 3, ..FITS };
        assert_eq!(decide(&[FITS, close]).rule().count, 2);
        assert_eq!(decide(&[close, Verdict { reset: 4, ..close }]).rule().count, 2);
        assert_eq!(decide(&[close, close]).rule().count, 1);
    }

    #[test]
    fn the_limit_that_refuses_for_longest_speaks_for_all() {
        let (longer, never) =
            (Verdict { retry: Some(20), ..REFUSES }, Verdict { retry: None, remaining: 9, ..REFUSES });
        let decision = decide(&[FITS, longer, REFUSES]);
        assert_eq!((decision.is_allowed(), decision.rule().count, decision.wait()), (false, 2, Some(20)));
        assert_eq!(decision.violated().map(|rule| rule.count).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(decide(&[longer, never]).wait(), None);
        let at_once = Verdict { retry: Some(0), remaining: 9, ..REFUSES };
        assert!(!decide(&[Verdict { remaining: 0, ..FITS }, at_once]).is_allowed());
    }

    #[test]
    fn later_there_is_less_to_wait_for() {
        let later = decide(&[FITS, REFUSES]).later(4);
        assert_eq!((later.wait(), later.speaker().reset, later.at), (Some(6), 6, 4));
        assert_eq!(decide(&[REFUSES]).later(40).wait(), Some(0));
    }
}
