//! The rules of a limiter, and the keys at which their states stand: one for each limit, or one for all.

use super::packed::Place;
use super::rule::Rule;
use super::subject::{self, Subject};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// Rules, as they are sent.
pub(super) struct Rules {
    /// With a key for the state of each.
    pub(super) apart: Arc<[Rule]>,
    together: Option<Together>,
}

/// The same, with one key for the states of all: a key of its own costs the server more than judging the limit does.
struct Together {
    rules: Arc<[Rule]>,
    /// What the key ends in.
    tail: Box<str>,
}

impl Rules {
    /// Their states stand together if there are several, and all of them are strings of a fixed length.
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let together = if rules.len() > 1 { Together::new(&rules) } else { None };
        Self { apart: rules.into(), together }
    }

    /// The rules for so many keys, if so many limits are asked.
    pub(super) fn for_keys(&self, keys: usize, asked: usize) -> &Arc<[Rule]> {
        match &self.together {
            Some(together) if keys < asked => &together.rules,
            _ => &self.apart,
        }
    }

    /// The keys of what was counted of somebody, before the cache's prefix: of each limit that he is counted on, or one for all.
    pub(super) fn keys(&self, subject: &Subject) -> SmallVec<[String; 1]> {
        if let (Some(together), Some(name)) = (&self.together, subject.name()) {
            return smallvec![subject::key(&together.tail, name)];
        }
        let of_limit = |(place, name): (usize, &str)| subject::key(&self.apart[place].tail, name);
        subject.names(self.apart.len()).map(of_limit).collect()
    }
}

impl Together {
    fn new(rules: &[Rule]) -> Option<Self> {
        let sizes: Vec<u16> = rules.iter().map(|rule| rule.algorithm.state_bytes()).collect::<Option<_>>()?;
        let (length, mut at) = (sizes.iter().sum(), 0);
        // Longer than any of them matters.
        let lifetime = rules.iter().map(Rule::lifetime).max()?;
        let placed = rules.iter().zip(sizes).map(|(rule, size)| {
            let place = Place { at, length, lifetime };
            at += size;
            rule.clone().placed(place)
        });
        Some(Self { rules: placed.collect(), tail: subject::tail_of_all(rules) })
    }
}
