//! What may be served, what a write voids, and what a feed covers. Without a server.

mod model;

use super::feed::{Epoch, Feed, Lost};
use super::table::{Look, Outgoing, Table, Ticket};
use crate::bounded::{Held, Weighed};
use std::sync::Arc;

const STALENESS: u64 = 1000;

#[derive(Debug)]
struct Number(u32, usize);

impl Weighed for Number {
    fn weight(&self) -> usize {
        self.1
    }
}

fn number(number: u32) -> Arc<dyn Held> {
    Arc::new(Number(number, 100))
}

/// The number at a key; none where the server has to be asked.
fn held(table: &Table, feed: &Feed, key: &[u8], now: u64) -> Result<Option<u32>, Ticket> {
    match table.look(key, now, STALENESS, feed) {
        Look::Held(value) => {
            let value: &dyn std::any::Any = &*value;
            Ok(Some(value.downcast_ref::<Number>().expect("it holds numbers").0))
        }
        Look::Absent => Ok(None),
        Look::Ask(ticket) => Err(ticket),
    }
}

fn ask(table: &Table, feed: &Feed, key: &[u8], now: u64) -> Ticket {
    held(table, feed, key, now).expect_err("nothing may be served")
}

fn fresh(feed: &Feed, now: u64) -> Epoch {
    let epoch = feed.begin(1);
    feed.alive(epoch, now, STALENESS);
    epoch
}

#[test]
fn without_a_feed_a_copy_is_served_while_it_is_young() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let ticket = ask(&table, &feed, b"k", 10);
    let _ = table.fill(&ticket, b"k", Some(number(1)), None, true);
    assert_eq!(held(&table, &feed, b"k", 10 + STALENESS - 1).ok(), Some(Some(1)));
    ask(&table, &feed, b"k", 10 + STALENESS);
}

#[test]
fn a_fresh_feed_covers_what_was_asked_for_after_it_began_and_nothing_else() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let before = ask(&table, &feed, b"before", 10);
    fresh(&feed, 10);
    let after = ask(&table, &feed, b"after", 11);
    let elsewhere = ask(&table, &feed, b"elsewhere", 11);
    let _ = table.fill(&before, b"before", Some(number(1)), None, true);
    let _ = table.fill(&after, b"after", Some(number(2)), None, true);
    let _ = table.fill(&elsewhere, b"elsewhere", Some(number(3)), None, false);
    feed.alive(feed.epoch(), 5000, STALENESS);
    ask(&table, &feed, b"before", 5500);
    ask(&table, &feed, b"elsewhere", 5500);
    assert_eq!(held(&table, &feed, b"after", 5999).ok(), Some(Some(2)));
    ask(&table, &feed, b"after", 6000);
}

#[test]
fn a_lost_feed_covers_nothing_and_its_last_words_change_nothing() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let epoch = fresh(&feed, 10);
    let ticket = ask(&table, &feed, b"k", 10);
    let _ = table.fill(&ticket, b"k", Some(number(1)), None, true);
    feed.lost(Lost::Silence);
    feed.alive(epoch, 5000, STALENESS);
    ask(&table, &feed, b"k", 5001);
    fresh(&feed, 5001);
    ask(&table, &feed, b"k", 5002);
    assert_eq!(feed.resets().find(|(reason, _)| *reason == "silence"), Some(("silence", 1)));
}

#[test]
fn what_was_read_before_a_write_is_not_kept_after_it() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let writes: [fn(&Table) -> Outgoing; 3] =
        [|table| table.forget(b"k"), |table| table.forget_matching(vec![b"k*".to_vec()]), Table::forget_all];
    for write in writes {
        let ticket = ask(&table, &feed, b"k", 10);
        let _ = write(&table);
        assert!(table.fill(&ticket, b"k", Some(number(1)), None, true).was_voided);
        let ticket = ask(&table, &feed, b"k", 10);
        assert!(!table.fill(&ticket, b"k", Some(number(2)), None, true).was_voided);
        assert_eq!(write(&table).len(), 1);
    }
}

#[test]
fn a_copy_lives_no_longer_than_the_server_keeps_the_value() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let ticket = ask(&table, &feed, b"k", 10);
    let _ = table.fill(&ticket, b"k", Some(number(1)), Some(5), true);
    assert_eq!(held(&table, &feed, b"k", 14).ok(), Some(Some(1)));
    ask(&table, &feed, b"k", 15);
}

#[test]
fn that_nothing_is_there_is_known_until_something_is_written() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let ticket = ask(&table, &feed, b"k", 10);
    let _ = table.fill(&ticket, b"k", None, None, true);
    assert_eq!(held(&table, &feed, b"k", 11).ok(), Some(None));
    let _ = table.forget(b"k");
    ask(&table, &feed, b"k", 11);
}

#[test]
fn it_never_counts_more_than_its_bound_and_hands_over_all_that_goes() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let (mut gone, mut evicted) = (0, 0);
    for round in 0..5000_u32 {
        let key = format!("key:{round}").into_bytes();
        let ticket = ask(&table, &feed, &key, 10);
        let value = Arc::new(Number(round, 1000 + (round as usize * 7919) % 4000));
        let kept = table.fill(&ticket, &key, Some(value), None, true);
        gone += kept.outgoing.len();
        evicted += kept.evicted;
        assert!(table.size().1 <= 1 << 20);
    }
    assert_eq!((gone as u64, gone + table.size().0), (evicted, 5000));
    assert_eq!(table.forget_all().len(), 5000 - gone);
}

#[test]
fn a_copy_larger_than_a_shard_is_not_kept_and_takes_its_forerunner_along() {
    let (table, feed) = (Table::new(1 << 20), Feed::default());
    let ticket = ask(&table, &feed, b"k", 10);
    let _ = table.fill(&ticket, b"k", Some(number(1)), None, true);
    let ticket = ask(&table, &feed, b"k", 10 + STALENESS);
    let kept = table.fill(&ticket, b"k", Some(Arc::new(Number(2, 2 << 20))), None, true);
    assert_eq!((kept.outgoing.len(), table.size()), (2, (0, 0)));
}
