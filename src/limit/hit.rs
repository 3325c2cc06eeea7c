//! The operation: one call, judged by all its limits in one round trip.

use super::decision::{Decision, Verdict};
use super::rule::{Algorithm, Rule};
use super::script::SCRIPT;
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Step};
use crate::script::Script;
use smallvec::SmallVec;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Places, among the limiter's, of the limits that are asked; at least one.
    pub places: SmallVec<[usize; 4]>,
    /// The keys that hold the state of each, or the one that holds the states of all.
    pub keys: Vec<FullKey>,
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
        self.demand.places.iter().map(|place| &self.rules[*place])
    }
}

impl Operation for Hit {
    type Outcome = Decision;

    fn request(&mut self, commands: &mut dyn Commands) {
        let keys: SmallVec<[&[u8]; 4]> = self.demand.keys.iter().map(FullKey::as_slice).collect();
        let mut call = SCRIPT.call(&keys, self.by_text);
        call.arg(self.demand.cost).arg(u8::from(self.demand.counts));
        for rule in self.asked() {
            call.arg(rule.packed());
        }
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Decision>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        let packed = reply.bytes()?.ok_or_else(unknown)?;
        let (numbers, []) = packed.as_chunks() else { return Err(unknown()) };
        let Some(([at], verdicts)) = numbers.split_first_chunk() else { return Err(unknown()) };
        let (verdicts, []) = verdicts.as_chunks::<4>() else { return Err(unknown()) };
        if verdicts.len() != self.demand.places.len() {
            return Err(unknown());
        }
        let asked = self.demand.places.iter().zip(verdicts);
        let verdicts = asked.map(|(&rule, [allowed, remaining, reset, retry])| Verdict {
            rule,
            allowed: whole(*allowed) == Some(1),
            remaining: whole(*remaining).unwrap_or(0),
            reset: whole(*reset).unwrap_or(0),
            retry: whole(*retry),
        });
        let decision = Decision::new(Arc::clone(&self.rules), verdicts.collect(), whole(*at).unwrap_or(0));
        decision.map(Step::Done).ok_or_else(unknown)
    }

    fn is_repeatable(&self) -> bool {
        // A call whose reply was lost may be counted twice, and never lets more through. What is only ever allowed once would
        // be refused by its own first try.
        self.asked().all(|rule| rule.algorithm != Algorithm::Once)
    }
}

/// A number of the reply; none where it is negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is whole, and `as` keeps within bounds.
fn whole(packed: [u8; 8]) -> Option<u64> {
    let number = f64::from_be_bytes(packed);
    (number >= 0.0).then_some(number as u64)
}

fn unknown() -> Error {
    Error::Protocol("the script of limits answered something else than numbers of each limit".to_owned())
}
