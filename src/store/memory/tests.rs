//! The bound, who goes, and when.

use super::Memory;
use super::commands::error;
use super::shard::Shard;
use crate::op::Reply;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::collections::{BTreeMap, HashMap};

const HOUR: Option<u64> = Some(3_600_000);

fn key(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

/// The same numbers in every run.
fn seeded(seed: u8) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])
}

/// Keys by Zipf's law with exponent 1: the table holds the sums of 1/rank.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(keys: u32) -> Self {
        let mut sum = 0.0;
        Self(
            (1..=keys)
                .map(|rank| {
                    sum += 1.0 / f64::from(rank);
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, chance: &mut TestRng) -> u64 {
        let at = chance.random_range(0.0..*self.0.last().expect("it has keys"));
        self.0.partition_point(|sum| *sum < at) as u64
    }
}

/// The textbook's, bounded by the same count of entries.
#[derive(Default)]
struct Lru {
    used: HashMap<u64, u64>,
    order: BTreeMap<u64, u64>,
    clock: u64,
}

impl Lru {
    /// Uses a key; whether it was there.
    fn use_key(&mut self, key: u64, capacity: usize) -> bool {
        self.clock += 1;
        let before = self.used.insert(key, self.clock);
        before.map(|at| self.order.remove(&at));
        self.order.insert(self.clock, key);
        if self.used.len() > capacity {
            let (_, oldest) = self.order.pop_first().expect("it is over its capacity");
            self.used.remove(&oldest);
        }
        before.is_some()
    }
}

/// Hits of a shard and of LRU with room for as many entries, on the same keys.
fn hits(keys: impl Iterator<Item = u64>) -> (u32, u32) {
    const VALUE: [u8; 100] = [7; 100];
    let mut shard = Shard::new(512 << 10);
    let capacity = loop {
        let before = shard.counts.evicted;
        let number = shard.iter(0).count() as u64;
        shard.set(&key(1_000_000 + number), &VALUE, HOUR, 0).ok().expect("it is small");
        if shard.counts.evicted > before {
            break shard.iter(0).count();
        }
    };
    shard.clear();
    let (mut lru, mut ours, mut theirs) = (Lru::default(), 0, 0);
    for number in keys {
        // Names of one length, so that all entries weigh the same.
        let name = key(1_000_000 + number);
        if shard.get(&name, 0).is_some() {
            ours += 1;
        } else {
            shard.set(&name, &VALUE, HOUR, 0).ok().expect("it is small");
        }
        theirs += u32::from(lru.use_key(number, capacity));
    }
    (ours, theirs)
}

#[test]
fn it_keeps_what_is_used_at_least_as_well_as_lru() {
    let zipf = Zipf::new(20_000);
    for seed in 0..3 {
        let mut chance = seeded(seed);
        let (ours, lru) = hits((0..300_000).map(|_| zipf.draw(&mut chance)));
        assert!(ours >= lru, "Zipf, seed {seed}: {ours} against {lru}");

        // Every now and then somebody reads through everything once.
        let mut chance = seeded(seed);
        let mut scanned = 0;
        let (ours, lru) = hits((0..300_000_u64).map(|step| {
            if step % 20_000 < 6_000 {
                scanned += 1;
                100_000 + scanned
            } else {
                zipf.draw(&mut chance)
            }
        }));
        assert!(ours >= lru, "scans, seed {seed}: {ours} against {lru}");
    }
}

#[test]
fn it_never_counts_more_than_its_bound() {
    let (mut chance, bound) = (seeded(1), 1 << 20);
    let mut shard = Shard::new(bound);
    for _ in 0..50_000 {
        let size = chance.random_range(0..20_000);
        let expires_at = (chance.random_range(0..2) == 0).then_some(chance.random_range(0..1000));
        shard
            .set(&key(chance.random_range(0..5000)), &vec![0; size], expires_at, chance.random_range(0..1000))
            .ok()
            .expect("it fits");
        assert!(shard.bytes() <= bound as u64);
    }
    assert!(shard.counts.evicted > 10_000);
}

#[test]
fn a_value_larger_than_the_store_is_refused_and_takes_nothing_with_it() {
    let mut shard = Shard::new(1 << 20);
    shard.set(b"k", b"old", None, 0).ok().expect("it is small");
    assert!(shard.set(b"k", &vec![0; 1 << 20], None, 0).is_err());
    assert_eq!(shard.get(b"k", 0).as_deref(), Some(&b"old"[..]));
}

#[test]
fn a_value_that_does_not_fit_with_its_new_name_keeps_the_old_one() {
    let memory = Memory::new(1 << 20);
    let (value, name) = (vec![0; 500_000], vec![b'n'; 500_000]);
    memory.execute(&[b"SET", b"k", &value]);
    assert!(matches!(memory.execute(&[b"RENAME", b"k", &name]), Reply::Error(_)));
    assert_eq!(memory.execute(&[b"STRLEN", b"k"]), Reply::Int(500_000));
}

#[test]
fn no_lifetime_is_longer_than_can_be_told() {
    let memory = Memory::new(1 << 20);
    memory.execute(&[b"SET", b"k", b"token"]);
    let extend: &[&[u8]] =
        &[b"EVAL", include_bytes!("../lock_extend.lua"), b"1", b"k", b"token", b"9223372036854775807"];
    assert!(matches!(memory.execute(extend), Reply::Error(_)));
    assert_eq!(memory.execute(&[b"TTL", b"k"]), Reply::Int(-1));
}

#[test]
fn a_lifetime_ends_when_it_is_said_to_and_not_a_moment_later() {
    let mut shard = Shard::new(1 << 20);
    shard.set(b"k", b"v", Some(10), 0).ok().expect("it is small");
    assert!(shard.peek(b"k", 9).is_some());
    assert!(shard.peek(b"k", 10).is_none());
    assert_eq!((shard.counts.expired, shard.bytes()), (1, 0));
    assert!(!shard.expire_at(b"k", None, 10) && !shard.remove(b"k", 10));
    shard.set(b"k", b"v", Some(10), 0).ok().expect("it is small");
    assert!(!shard.remove(b"k", 10));
    assert_eq!(shard.counts.expired, 2);
}

#[test]
fn those_whose_time_is_up_go_without_being_asked_for() {
    let mut shard = Shard::new(8 << 20);
    for number in 0..5000 {
        shard.set(&key(number), b"v", Some(10), 0).ok().expect("it is small");
    }
    for number in 5000..20_000 {
        shard.set(&key(number), b"v", None, 100).ok().expect("it is small");
    }
    assert_eq!((shard.counts.expired, shard.counts.evicted, shard.iter(100).count()), (5000, 0, 15_000));
}

#[test]
fn stores_of_one_name_are_one_and_its_bound_is_fixed() {
    let store = Memory::named("a", 0, 1 << 20);
    assert!(std::sync::Arc::ptr_eq(&store, &Memory::named("a", 0, 2 << 20)));
    assert!(Memory::prepare("a", 0, 1 << 20).is_ok());
    let refusal = Memory::prepare("a", 0, 2 << 20).expect_err("it has another bound").to_string();
    assert!(refusal.contains("'memory://a/0'") && refusal.contains("max_bytes=1048576"), "{refusal}");
    assert!(Memory::prepare("a", 1, 2 << 20).is_ok() && Memory::prepare("b", 0, 2 << 20).is_ok());
}

#[test]
fn what_it_does_not_know_is_refused_by_name_and_without_arguments() {
    let memory = Memory::new(1 << 20);
    let reply = memory.execute(&[b"LPUSH", b"k", b"secret"]);
    assert_eq!(
        reply,
        error("ERR unknown command 'LPUSH': memory:// knows strings, lifetimes, counters and scans only")
    );
    assert!(matches!(memory.execute(&[]), Reply::Error(_)));
    assert!(matches!(memory.execute(&[&[b'X'; 100]]), Reply::Error(_)));
    assert!(matches!(memory.execute(&[b"EVAL", b"return 1", b"0"]), Reply::Error(_)));
}
