//! A model of a server, the wire and the readers on their way, in which anything may happen at any time.

use super::{STALENESS, held, number};
use crate::l1::feed::{Epoch, Feed, Lost};
use crate::l1::table::{Table, Ticket};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{HashMap, VecDeque};

/// One step: keys and times are small, so that steps meet.
#[derive(Debug, Clone)]
enum Act {
    Ask { key: u8 },
    Fill { reader: usize },
    Write { key: u8 },
    Push,
    Ping,
    Pong,
    Lose,
    Begin,
    Pass(u16),
    Read { key: u8 },
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_u8).prop_map(|key| Act::Ask { key }),
        4 => (0..6_usize).prop_map(|reader| Act::Fill { reader }),
        3 => (0..3_u8).prop_map(|key| Act::Write { key }),
        3 => Just(Act::Push),
        2 => Just(Act::Ping),
        2 => Just(Act::Pong),
        1 => Just(Act::Lose),
        1 => Just(Act::Begin),
        2 => (1..700_u16).prop_map(Act::Pass),
        6 => (0..3_u8).prop_map(|key| Act::Read { key }),
    ]
}

/// A server, the wire between it and the listener, and the readers on their way.
#[derive(Default)]
struct World {
    now: u64,
    /// The value of each key, and since when it is acknowledged.
    values: HashMap<u8, Vec<(u64, u32)>>,
    next: u32,
    /// What the server sent, in order: a key, or the answer to a PING sent at this time.
    wire: VecDeque<Result<u8, u64>>,
    epoch: Option<Epoch>,
    readers: Vec<(u8, Ticket, u32)>,
}

impl World {
    fn write(&mut self, key: u8) {
        self.next += 1;
        self.values.entry(key).or_default().push((self.now, self.next));
        self.send(Ok(key));
    }

    /// Puts something on the wire, if there is one.
    fn send(&mut self, what: Result<u8, u64>) {
        if self.epoch.is_some() {
            self.wire.push_back(what);
        }
    }

    fn value(&self, key: u8) -> u32 {
        self.values.get(&key).and_then(|all| all.last()).map_or(0, |(_, value)| *value)
    }

    /// The oldest value that may be served now.
    fn oldest(&self, key: u8) -> u32 {
        let all = self.values.get(&key).map_or(&[][..], Vec::as_slice);
        let acknowledged = all.iter().rev().find(|(since, _)| since + STALENESS < self.now);
        acknowledged.map_or(0, |(_, value)| *value)
    }
}

/// What a test of the test breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    None,
    /// Copies are kept by a ticket of when they arrive.
    LateTicket,
    /// Pushes are not heard.
    Deaf,
    /// A sign of life counts from when it came.
    LateSign,
    /// Copies of before a feed are covered by it.
    EarlyEpoch,
}

/// Runs the acts; the first value that was served later than promised.
fn stale(acts: Vec<Act>, flaw: Flaw) -> Option<String> {
    let (table, feed, mut world) = (Table::new(1 << 16), Feed::default(), World { now: 10, ..World::default() });
    for act in acts {
        match act {
            Act::Ask { key } => {
                if let Err(ticket) = held(&table, &feed, &[key], world.now) {
                    // The server answers at once, and the answer travels as long as it likes.
                    world.readers.push((key, ticket, world.value(key)));
                }
            }
            Act::Fill { reader } => {
                if reader < world.readers.len() {
                    let (key, mut ticket, value) = world.readers.swap_remove(reader);
                    if flaw == Flaw::LateTicket {
                        ticket = table.ask(&[key], world.now, &feed);
                    }
                    let _ = table.fill(&ticket, &[key], Some(number(value)), None, true);
                }
            }
            Act::Write { key } => world.write(key),
            Act::Ping => world.send(Err(world.now)),
            Act::Push | Act::Pong => match (world.wire.pop_front(), world.epoch) {
                (Some(Ok(key)), _) if flaw != Flaw::Deaf => drop(table.forget(&[key])),
                (Some(Err(asked_at)), Some(epoch)) => {
                    let asked_at = if flaw == Flaw::LateSign { world.now } else { asked_at };
                    feed.alive(epoch, asked_at, STALENESS);
                }
                _ => {}
            },
            Act::Lose => {
                if world.epoch.take().is_some() {
                    world.wire.clear();
                    feed.lost(Lost::Silence);
                    drop(table.forget_all());
                }
            }
            Act::Begin => {
                if world.epoch.is_none() {
                    world.epoch = Some(if flaw == Flaw::EarlyEpoch { feed.epoch() } else { feed.begin(1) });
                }
            }
            Act::Pass(milliseconds) => world.now += u64::from(milliseconds),
            Act::Read { key } => {
                if let Ok(found) = held(&table, &feed, &[key], world.now) {
                    let (found, oldest) = (found.unwrap_or_default(), world.oldest(key));
                    if found < oldest {
                        return Some(format!("{found} at {}, and {oldest} was acknowledged", world.now));
                    }
                }
            }
        }
    }
    None
}

fn histories() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec(acts(), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_served_later_than_promised(acts in histories()) {
        prop_assert_eq!(stale(acts, Flaw::None), None);
    }
}

#[test]
fn the_test_of_that_finds_what_is_broken() {
    for flaw in [Flaw::LateTicket, Flaw::Deaf, Flaw::LateSign, Flaw::EarlyEpoch] {
        let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
        let found = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
            .run(&histories(), |acts| stale(acts, flaw).map_or(Ok(()), |stale| Err(TestCaseError::fail(stale))));
        assert!(found.is_err(), "{flaw:?} was not noticed");
    }
}
