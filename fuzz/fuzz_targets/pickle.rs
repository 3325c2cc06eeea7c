//! Any bytes are a plain pickle or none: no panic, no more objects than bytes, and nothing that
//! `is_modest` or `is_plain` refuses.

#![no_main]

use hitrate::codec::pickle::{Build, Items, is_modest, is_plain, load};
use libfuzzer_sys::fuzz_target;

/// Counts the objects, of which there is no more to tell, and how many go into containers.
#[derive(Default)]
struct Count {
    made: usize,
    moved: usize,
}

impl Count {
    fn one(&mut self) -> Option<()> {
        self.made += 1;
        Some(())
    }

    fn of(&mut self, items: usize) -> Option<()> {
        self.moved += items;
        self.one()
    }
}

impl Build for Count {
    type Object = ();

    fn none(&mut self) {}
    fn truth(&mut self, _: bool) {}
    fn integer(&mut self, _: i64) -> Option<()> {
        self.one()
    }
    fn long(&mut self, _: &[u8]) -> Option<()> {
        self.one()
    }
    fn float(&mut self, _: f64) -> Option<()> {
        self.one()
    }
    fn text(&mut self, _: &[u8]) -> Option<()> {
        self.one()
    }
    fn key(&mut self, _: &[u8]) -> Option<()> {
        self.one()
    }
    fn bytes(&mut self, _: &[u8]) -> Option<()> {
        self.one()
    }
    fn bytearray(&mut self, _: &[u8]) -> Option<()> {
        self.one()
    }
    fn tuple(&mut self, items: Items<'_, ()>) -> Option<()> {
        self.of(items.len())
    }
    fn list(&mut self, items: Items<'_, ()>) -> Option<()> {
        self.of(items.len())
    }
    fn dict(&mut self, items: &[()]) -> Option<()> {
        assert!(items.len().is_multiple_of(2));
        self.of(items.len())
    }
    fn set(&mut self, items: &[()]) -> Option<()> {
        self.of(items.len())
    }
    fn frozenset(&mut self, items: &[()]) -> Option<()> {
        self.of(items.len())
    }
    fn append(&mut self, (): &(), items: &[()]) -> Option<()> {
        self.of(items.len())
    }
    fn insert(&mut self, (): &(), items: &[()]) -> Option<()> {
        assert!(items.len().is_multiple_of(2));
        self.of(items.len())
    }
    fn add(&mut self, (): &(), items: &[()]) -> Option<()> {
        self.of(items.len())
    }
}

fuzz_target!(|pickle: &[u8]| {
    let mut count = Count::default();
    if load(pickle, &mut count).is_some() {
        assert!(is_modest(pickle) && is_plain(pickle));
    }
    assert!(count.made <= pickle.len() && count.moved <= pickle.len());
});
