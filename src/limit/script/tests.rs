//! Several limits in one call: each is judged as if it were alone, and a call counts on all of them or on none.

use super::super::rule::Rule;
use super::super::together::Rules;
use super::*;
use crate::limit::{Parsed, State, Subject};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const START: u64 = 1_700_000_000_000_000;
const MINUTE: u64 = 60_000_000;

/// A store with a clock that the tests set, which forgets nothing by itself.
#[derive(Default)]
struct Store {
    now: u64,
    values: HashMap<Vec<u8>, (Vec<u8>, u64)>,
}

impl Keyspace for Store {
    fn now_us(&self) -> u64 {
        self.now
    }

    fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(|(value, _)| value.as_slice())
    }

    fn standing(&mut self, key: &[u8]) -> Option<(&[u8], Option<u64>)> {
        self.values.get(key).map(|(value, ttl)| (value.as_slice(), Some(*ttl)))
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: u64) -> Result<(), Reply> {
        self.values.insert(key.to_vec(), (value.to_vec(), ttl));
        Ok(())
    }
}

/// What is said of one limit: allowed, remaining, reset, and the wait if it refuses.
type Said = (bool, u64, u64, Option<u64>);

impl Store {
    /// Asks the twin of the script.
    fn ask(&mut self, rules: &[Rule], keys: &[Vec<u8>], cost: u64, counts: bool) -> Vec<Said> {
        let mut args = vec![cost.to_string().into_bytes(), u8::from(counts).to_string().into_bytes()];
        args.extend(rules.iter().map(|rule| rule.packed().to_vec()));
        let (keys, args): (Vec<&[u8]>, Vec<&[u8]>) =
            (keys.iter().map(Vec::as_slice).collect(), args.iter().map(Vec::as_slice).collect());
        let Ok(Reply::Bulk(reply)) = run(self, &keys, &args) else { panic!("it answers with a string") };
        let numbers: Vec<f64> = reply.as_chunks().0.iter().map(|packed| f64::from_be_bytes(*packed)).collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // They are whole, or -1.
        let whole = |number: f64| (number >= 0.0).then_some(number as u64);
        assert_eq!(whole(numbers[0]), Some(self.now));
        let says = |said: &[f64; 4]| {
            let [allowed, remaining, reset, retry] = said.map(whole);
            let allowed = allowed == Some(1);
            (allowed, remaining.unwrap_or(0), reset.unwrap_or(0), retry.filter(|_| !allowed))
        };
        numbers[1..].as_chunks().0.iter().map(says).collect()
    }

    fn only_value(&self) -> Option<&(Vec<u8>, u64)> {
        assert!(self.values.len() <= 1);
        self.values.values().next()
    }
}

/// The keys of somebody, and the rules as they are sent for them.
fn sent<'a>(rules: &'a Rules, subject: &Subject) -> (&'a [Rule], Vec<Vec<u8>>) {
    let keys = rules.keys(subject);
    let sent = rules.for_keys(keys.len(), rules.apart.len());
    (sent, keys.iter().map(|key| key.as_bytes().to_vec()).collect())
}

/// Each limit for itself, with a state of its own.
struct Alone {
    rules: Vec<Rule>,
    states: Vec<Option<State>>,
}

impl Alone {
    fn ask(&mut self, now: u64, cost: u64, counts: bool) -> Vec<Said> {
        let judge = |(rule, state): (&Rule, &Option<State>)| {
            let call = Call { now, limit: rule.count, window: rule.window, cost, punishes: false, counts };
            match rule.algorithm {
                Algorithm::FixedWindow => fixed_window::judge(state.as_deref(), call),
                Algorithm::SlidingWindow => sliding_window::judge(state.as_deref(), call),
                _ => gcra::judge(state.as_deref(), call, rule.burst),
            }
        };
        let judged: Vec<Judgement> = self.rules.iter().zip(&self.states).map(judge).collect();
        let allowed = judged.iter().all(|judgement| judgement.allowed);
        let settle = |(judgement, state): (Judgement, &mut Option<State>)| {
            let counted = counts && allowed;
            if let Some(new) = if counted { judgement.state } else { judgement.mended.filter(|_| counts) } {
                *state = Some(new);
            }
            let standing = if counted { judgement.after } else { judgement.before };
            (judgement.allowed, standing.remaining, standing.reset, judgement.retry.filter(|_| !judgement.allowed))
        };
        judged.into_iter().zip(&mut self.states).map(settle).collect()
    }
}

fn rule(algorithm: Algorithm, requests: u64, window: u64, burst: u64, place: usize) -> Rule {
    let parsed = Parsed { count: requests, window: Duration::from_micros(window) };
    let burst = (algorithm == Algorithm::Gcra).then_some(burst);
    Rule::new(parsed, Some(&format!("limit{place}")), burst, algorithm).expect("it is a limit")
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let algorithm = prop::sample::select(vec![Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::Gcra]);
    let one = (algorithm, 1..20_u64, 1000..2 * MINUTE, 1..20_u64);
    prop::collection::vec(one, 2..7).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(place, (algorithm, requests, window, burst))| rule(algorithm, requests, window, burst, place))
            .collect()
    })
}

/// How far the clock is set, forward or back, before a call of some cost that counts or only looks.
fn calls() -> impl Strategy<Value = Vec<(i64, u64, bool)>> {
    let step = prop_oneof![5 => Just(0), 5 => 0..1_000_000_i64, 2 => 0..200_000_000_i64, 2 => -300_000_000..0_i64];
    prop::collection::vec((step, 1..6_u64, prop::bool::weighted(0.8)), 1..80)
}

proptest! {
    #[test]
    fn limits_that_stand_together_are_judged_as_if_each_were_alone(rules in rules(), calls in calls()) {
        let longest = rules.iter().map(Rule::lifetime).max();
        let mut alone = Alone { states: vec![None; rules.len()], rules: rules.clone() };
        let rules = Rules::new(rules);
        let (together, key) = sent(&rules, &Subject::whole("somebody"));
        prop_assert_eq!(key.len(), 1);
        let mut store = Store { now: START, ..Store::default() };
        for (step, cost, counts) in calls {
            store.now = store.now.saturating_add_signed(step);
            let before = store.only_value().cloned();
            prop_assert_eq!(store.ask(together, &key, cost, counts), alone.ask(store.now, cost, counts));
            let after = store.only_value().cloned();
            prop_assert!(counts || before == after, "a look stores nothing");
            prop_assert_eq!(after.as_ref().map(|(_, ttl)| *ttl), longest.filter(|_| after.is_some()));
        }
    }

    #[test]
    fn a_value_of_another_length_is_no_state(rules in rules(), value in prop::collection::vec(any::<u8>(), 0..200)) {
        let rules = Rules::new(rules);
        let (together, key) = sent(&rules, &Subject::whole("somebody"));
        let mut store = Store { now: START, ..Store::default() };
        let fresh = store.ask(together, &key, 1, true);
        let (ours, _) = store.only_value().cloned().expect("it is stored");
        let is_ours = value.len() == ours.len();
        for value in [value, ours[..ours.len() - 1].to_vec(), [&ours[..], b"x"].concat(), Vec::new()] {
            store.values.insert(key[0].clone(), (value, 1));
            if !is_ours {
                prop_assert_eq!(&store.ask(together, &key, 1, true), &fresh);
                prop_assert_eq!(&store.only_value().expect("it is stored").0, &ours);
            }
        }
    }

    #[test]
    fn a_state_that_is_damaged_is_no_state_and_leaves_the_others(rules in rules(), damaged in any::<prop::sample::Index>()) {
        let mut alone = Alone { states: vec![None; rules.len()], rules: rules.clone() };
        let damaged = damaged.index(rules.len());
        let rules = Rules::new(rules);
        let (together, key) = sent(&rules, &Subject::whole("somebody"));
        let mut store = Store { now: START, ..Store::default() };
        prop_assert_eq!(store.ask(together, &key, 1, true), alone.ask(START, 1, true));
        let Packed { algorithm, place, .. } = Packed::read(together[damaged].packed()).expect("it is packed");
        let (at, size) = (usize::from(place.at), usize::from(algorithm.state_bytes().expect("it is of a fixed size")));
        store.values.get_mut(&key[0]).expect("it is stored").0[at..at + size].fill(0xff);
        alone.states[damaged] = None;
        prop_assert_eq!(store.ask(together, &key, 1, true), alone.ask(START, 1, true));
        prop_assert_eq!(store.ask(together, &key, 1, false), alone.ask(START, 1, false));
    }
}

#[test]
fn only_several_states_of_fixed_length_stand_together() {
    let of = |algorithms: &[Algorithm]| {
        let rules = algorithms.iter().enumerate().map(|(place, algorithm)| rule(*algorithm, 1, MINUTE, 1, place));
        Rules::new(rules.collect()).keys(&Subject::whole("a")).len()
    };
    assert_eq!(of(&[Algorithm::Gcra]), 1);
    assert_eq!(of(&[Algorithm::Gcra, Algorithm::FixedWindow, Algorithm::SlidingWindow]), 1);
    assert_eq!(of(&[Algorithm::Gcra, Algorithm::SlidingLog]), 2);
    assert_eq!(of(&[Algorithm::Once, Algorithm::FixedWindow]), 2);
    assert_eq!(of(&[Algorithm::SlidingWindow; 32]), 1);
}

#[test]
fn a_name_for_each_limit_has_a_key_for_each() {
    let rules = Rules::new((0..2).map(|place| rule(Algorithm::Gcra, 5, MINUTE, 5, place)).collect());
    let names = Subject::of_each([(0, "a"), (1, "a")].into_iter());
    let (apart, keys) = sent(&rules, &names);
    assert_eq!((keys.len(), apart[1].packed()), (2, rules.apart[1].packed()));
    assert!(!keys.iter().any(|key| key == rules.keys(&Subject::whole("a"))[0].as_bytes()));
}

/// What a server answered to the calls of `tests/integration/limit_scenarios.py`, which wrote the file.
#[test]
fn the_twin_answers_as_a_server_did() {
    let file = include_str!("../../../tests/data/limits/answers.txt");
    let mut checked = 0;
    for scenario in file.split("scenario ").skip(1) {
        let (header, lines) = scenario.split_once('\n').expect("it has lines");
        let mut rules: Vec<Rule> = Vec::new();
        let mut store = Store::default();
        let who = Subject::whole("somebody");
        let mut placed: Option<Rules> = None;
        for line in lines.lines() {
            let (word, rest) = line.split_once(' ').expect("it has a word");
            let mut numbers = rest.split(' ').map(|number| number.parse::<i64>().ok());
            let mut next = || numbers.next().flatten().and_then(|number| u64::try_from(number).ok());
            if let Ok(algorithm) = Algorithm::named(word) {
                let [requests, window, burst] = [next(), next(), next()].map(|number| number.expect("it is there"));
                rules.push(rule(algorithm, requests, window, burst, rules.len()));
                continue;
            }
            let limits = placed.get_or_insert_with(|| Rules::new(rules.clone()));
            let (sent, keys) = sent(limits, &who);
            assert_eq!(header == "together", keys.len() < sent.len());
            if word == "foreign" {
                store.values.insert(keys[0].clone(), (rest.as_bytes().to_vec(), 1));
                continue;
            }
            let [now, cost, counts] = [next(), next(), next()].map(|number| number.expect("it is there"));
            store.now = now;
            for said in store.ask(sent, &keys, cost, counts == 1) {
                let expected = (next() == Some(1), next().expect("it remains"), next().expect("it resets"), next());
                assert_eq!(said, expected, "{header}: {line}");
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}
