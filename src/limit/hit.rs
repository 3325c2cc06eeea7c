//! The operation: one call, judged by all its limits in one round trip.

use super::decision::{Decision, Verdict};
use super::rule::{Algorithm, Rule};
use super::script::SCRIPT;
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Step};
use crate::script::Script;
use smallvec::SmallVec;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Places of the limits among the limiter's, and the key that holds the state of each.
    pub keys: SmallVec<[(usize, FullKey); 2]>,
    /// Requests it counts as.
    pub cost: u64,
    /// Whether it is counted, if it is allowed.
    pub counts: bool,
}

/// Judges a call.
pub struct Hit {
    rules: Arc<[Rule]>,
    demand: Demand,
    by_text: bool,
}

impl Hit {
    /// Under these rules, of which the demand names some.
    #[must_use]
    pub fn new(rules: Arc<[Rule]>, demand: Demand) -> Self {
        Self { rules, demand, by_text: false }
    }

    fn asked(&self) -> impl Iterator<Item = &Rule> {
        self.demand.keys.iter().map(|(place, _)| &self.rules[*place])
    }
}

impl Operation for Hit {
    type Outcome = Decision;

    fn request(&mut self, commands: &mut dyn Commands) {
        let keys: SmallVec<[&[u8]; 4]> = self.demand.keys.iter().map(|(_, key)| key.as_slice()).collect();
        let mut call = SCRIPT.call(&keys, self.by_text);
        call.arg(self.demand.cost).arg(u8::from(self.demand.counts));
        for rule in self.asked() {
            call.arg(rule.algorithm.name()).arg(rule.count).arg(rule.window).arg(rule.burst);
            call.arg(u8::from(rule.punishes));
        }
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Decision>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        let numbers = reply.array()?.into_iter().map(Reply::int).collect::<Result<SmallVec<[i64; 16]>>>()?;
        let Some(([at], verdicts)) = numbers.split_first_chunk() else { return Err(unknown()) };
        let (verdicts, []) = verdicts.as_chunks::<4>() else { return Err(unknown()) };
        if verdicts.len() != self.demand.keys.len() {
            return Err(unknown());
        }
        let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
        let verdicts =
            self.demand.keys.iter().zip(verdicts).map(|((place, _), [allowed, remaining, reset, retry])| Verdict {
                rule: *place,
                allowed: *allowed == 1,
                remaining: unsigned(*remaining),
                reset: unsigned(*reset),
                retry: u64::try_from(*retry).ok(),
            });
        let decision = Decision::new(Arc::clone(&self.rules), verdicts.collect(), unsigned(*at));
        decision.map(Step::Done).ok_or_else(unknown)
    }

    fn is_repeatable(&self) -> bool {
        // A call whose reply was lost may be counted twice, and never lets more through. What is only ever allowed once would
        // be refused by its own first try.
        self.asked().all(|rule| rule.algorithm != Algorithm::Once)
    }
}

fn unknown() -> Error {
    Error::Protocol("the script of limits answered something else than numbers of each limit".to_owned())
}
